// The files of an OCI image layout (image-spec image-layout.md), before they are written anywhere.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/result.h"
#include "exporter/compressed_layers.h"
#include "exporter/exporter.h"
#include "layer/tar_stream.h"
#include "oci/manifest.h"

namespace pgstrata::exporter {

struct LayoutFile {
  std::string path;                             ///< "blobs/sha256/<hex>", "index.json"
  std::variant<std::string, StoredBlob> bytes;  ///< text, or a blob of the store
  [[nodiscard]] std::uint64_t size() const;
};

struct Layout {
  std::vector<LayoutFile> files;  ///< sorted by path
  oci::Descriptor manifest;       ///< of the image as it is in this layout, or of its index
};

enum class LayoutKind {
  kOci,
  kDocker,  ///< with the manifest.json of `docker save`
};

/// Compresses what isn't in the store in the wanted form. Attestations are in OCI's kind only.
Result<Layout> make_layout(const Request& request, const Compression& compression, LayoutKind kind);

/// The size of the archive that write_archive() makes.
[[nodiscard]] Result<std::uint64_t> archive_size(const Layout& layout);

/// The layout as a tar: directories 0755, files 0644, owned by 0:0, dated `mtime` (seconds).
Result<void> write_archive(const Layout& layout, const content::ContentStore& store, std::int64_t mtime,
                           const layer::ByteSink& sink);

/// The layout as a directory. A new one appears with everything in it; in one that is there already blobs
/// come first, and index.json, with the names that other images have in it, is replaced at the end.
/// Everything is on the disk when it returns. Blobs are clones of the store's where the file system can,
/// never hard links: who edits an output must not change the store.
Result<void> write_directory(const Layout& layout, const content::ContentStore& store,
                             const std::string& directory);

}  // namespace pgstrata::exporter
