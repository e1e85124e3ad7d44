// Images of a registry, brought into the store.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "importer/import_image.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "registry/repository.h"
#include "store/layer_store.h"

namespace pgstrata::importer {

/// Annotation of a tag's descriptor in the store: the digest that the registry had for the name when it was
/// pulled (of the index, if there is one). It tells whether the registry has something newer.
inline constexpr const char* kRegistryDigest = "org.pgstrata.registry.digest";
/// Another: that digest is of the manifest itself, there is no index.
inline constexpr const char* kRegistrySingle = "org.pgstrata.registry.single";

struct PullOptions {
  oci::Platform platform = oci::Platform::host();
  /// What the name was pulled for before on other platforms stays under it: a build for several platforms
  /// finds all of its bases the next time.
  bool keep_others = false;
  std::uint64_t layer_limit = kLayerLimit;
  unsigned parallel = 3;
  bool unpack = false;  ///< as in ImportOptions
  std::stop_token stop;
  std::function<void(std::string_view)> progress;  ///< a line; from several threads, never two at once
  std::function<void(std::string_view)> note;      ///< a line, of each place that is passed over
};

struct Pulled {
  oci::Descriptor manifest;  ///< as it is in the store, under the reference's name
  bool is_new = true;        ///< false: the store had it already
};

/// True if the registry's name led to this manifest itself, and not to an index. BuildKit takes such an
/// image for every platform, with a warning (the check InvalidBaseImagePlatform).
[[nodiscard]] bool is_whole_name(const oci::Descriptor& manifest);
/// Of what the store has under a name: the manifest for the platform, else one that is_whole_name().
[[nodiscard]] std::optional<oci::Descriptor> chosen_of(const std::vector<oci::Descriptor>& manifests,
                                                       const oci::Platform& platform);

/// The image of `reference` for the platform, from the first of `places` that gives it into the store,
/// under its name; one place at least, and the last is the registry's own. If the store has what that place
/// has, only that is asked. kUnreachable: none of them could even be connected to. kNotFound: no such image
/// there, or an index without the platform. kCorrupt: it sends something else than it promises.
Result<Pulled> pull(store::LayerStore& layers, std::vector<registry::Repository> places,
                    const oci::Reference& reference, const PullOptions& options);

}  // namespace pgstrata::importer
