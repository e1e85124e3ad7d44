// An image of the store: its manifest and configuration, read and checked.
#pragma once

#include <vector>

#include "content/content_store.h"
#include "core/result.h"
#include "oci/image_config.h"
#include "oci/manifest.h"

namespace pgstrata::image {

struct Image {
  oci::Descriptor descriptor;  ///< of the manifest
  oci::ImageManifest manifest;
  oci::ImageConfig config;
};

/// kCorrupt if a blob is damaged, or if the manifest and the configuration don't belong together.
Result<Image> load(const content::ContentStore& store, const oci::Descriptor& manifest);

/// The layers of a new image, bottom first; their blobs are in the store under their DiffIDs.
struct LayerBlob {
  oci::Digest diff_id;
  std::uint64_t size = 0;
};
/// Writes configuration and manifest; `config.diff_ids` is set from the layers. The descriptor carries
/// the platform.
Result<oci::Descriptor> write(const content::ContentStore& store, oci::ImageConfig config,
                              const std::vector<LayerBlob>& layers,
                              const std::map<std::string, std::string>& annotations = {});

/// The same with a configuration that somebody else wrote, kept to the byte, and so the image's ID. Its
/// diff_ids have to be those of `layers`.
Result<oci::Descriptor> write_published(const content::ContentStore& store, const std::string& config_json,
                                        const std::vector<LayerBlob>& layers);

}  // namespace pgstrata::image
