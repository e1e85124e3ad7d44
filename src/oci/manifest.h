// Descriptors, image manifests and image indexes (image-spec descriptor.md, manifest.md, image-index.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "oci/digest.h"
#include "oci/platform.h"

namespace pgstrata::oci {

namespace media_type {
inline constexpr std::string_view kManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
}  // namespace media_type

/// Annotation keys of image-spec annotations.md and containerd.
namespace annotation {
inline constexpr const char* kRefName = "org.opencontainers.image.ref.name";
inline constexpr const char* kImageName = "io.containerd.image.name";
inline constexpr const char* kCreated = "org.opencontainers.image.created";
}  // namespace annotation

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
  std::map<std::string, std::string> annotations;
  std::optional<Platform> platform;
  std::string artifact_type = {};  ///< of what isn't an image, in indexes of referrers
  bool operator==(const Descriptor&) const = default;
};

struct ImageManifest {
  Descriptor config;
  std::vector<Descriptor> layers;  ///< bottom first
  std::map<std::string, std::string> annotations;

  static Result<ImageManifest> from_json(std::string_view json);
  [[nodiscard]] std::string to_json() const;
};

struct ImageIndex {
  std::vector<Descriptor> manifests;
  std::map<std::string, std::string> annotations;

  static Result<ImageIndex> from_json(std::string_view json);
  [[nodiscard]] std::string to_json() const;
};

/// The file `oci-layout` of image-layout.md.
inline constexpr std::string_view kLayoutFile = "{\"imageLayoutVersion\":\"1.0.0\"}";

}  // namespace pgstrata::oci
