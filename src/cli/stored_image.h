// An image of the store as a person names it: by name, or by the beginning of its ID or digest.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/store.h"
#include "content/content_store.h"
#include "core/result.h"
#include "exporter/exporter.h"
#include "image/image.h"
#include "oci/reference.h"

namespace pgstrata::cli {

struct StoredImage {
  image::Image image;                 ///< of several platforms that of this machine, if it is there
  std::vector<oci::Reference> names;  ///< the one that was asked for, or all that the ID has
  /// What the name leads to: the image's manifest, or an index (image/platforms.h). Of an ID the manifest.
  oci::Descriptor named = {};

  /// Digest of the configuration: what Docker calls the image's ID.
  [[nodiscard]] const oci::Digest& id() const { return image.manifest.config.digest; }
  /// Bytes of all layers, uncompressed.
  [[nodiscard]] std::uint64_t size() const;
};

/// All tagged images, in the order in which they were tagged, one for each name and platform. Damaged ones
/// are an error.
Result<std::vector<StoredImage>> stored_images(const content::ContentStore& store);

/// `text` is a name ("app", "app:1.2"), an ID or manifest digest ("sha256:…"), or at least its first four
/// hex digits; a name wins. kNotFound if there is none, kUsage if several images begin so.
Result<StoredImage> find_image(const content::ContentStore& store, std::string_view text);

/// All platforms of it, as an exporter takes them.
Result<std::vector<exporter::PlatformImage>> all_platforms(const Store& store, const StoredImage& stored);

/// The image's layers, bottom first; kNotFound if one isn't in the store any more.
Result<std::vector<cache::LayerRow>> chain_of(const Store& store, const image::Image& image);

/// Writes to standard output; kIo if nobody reads it.
Result<void> print(std::string_view text);

}  // namespace pgstrata::cli
