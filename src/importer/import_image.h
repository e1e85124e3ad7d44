// An image made elsewhere, brought into the store: its layers with their change sets, under the DiffIDs
// that its configuration names, so that an image on top of it refers to the very same layers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <stop_token>
#include <string>

#include "core/result.h"
#include "oci/manifest.h"
#include "store/layer_store.h"

namespace pgstrata::importer {

struct ImageParts {
  oci::ImageManifest manifest;
  std::string config;  ///< the JSON, as it was given
};

/// Takes a layer as it was published, while it comes: it is uncompressed meanwhile.
struct LayerSink {
  std::function<Result<void>(std::span<const std::byte>)> write;
  std::function<Result<void>()> restart;  ///< the bytes come again from the beginning
};
/// Of a layer that has come.
struct FetchedLayer {
  std::string name;      ///< for messages
  bool is_kept = false;  ///< it is a blob of the store
};
/// Gives all bytes of the descriptor to the sink, and succeeds only if they have its digest: until then
/// nobody relies on what came of them. Called from several threads.
using FetchLayer =
    std::function<Result<FetchedLayer>(const oci::Descriptor&, const LayerSink&, const std::stop_token&)>;
/// Gives all that is left in a file to a sink.
Result<void> write_file(int fd, const std::string& name, const LayerSink& sink);

/// Much, and still no disk full: 32 GB.
inline constexpr std::uint64_t kLayerLimit = 32ULL * 1024 * 1024 * 1024;
/// More than any builder makes.
inline constexpr std::size_t kMostLayers = 1000;

struct ImportOptions {
  std::uint64_t layer_limit = kLayerLimit;  ///< bytes of one uncompressed layer
  unsigned parallel = 3;                    ///< layers at once
  /// The layers that are fetched are unpacked meanwhile, for overlay, as far as that can be done; for root
  /// of the machine.
  bool unpack = false;
  std::stop_token stop;
  std::map<std::string, std::string> annotations;  ///< of the descriptor that is given back
};

/// Layers that the store has are not fetched. The others are fetched, and uncompressed while they come,
/// several at once. The image's ID stays the same, but for an image with a layer that can't be taken as it
/// is (one with sparse files; one that lacks parent directories and is in the store already on others):
/// that one is written anew, and so is the configuration.
///
/// kCorrupt: manifest, configuration and layers contradict each other, a layer is no tar, is too large, or
/// isn't what its DiffID says (both digests are named).
Result<oci::Descriptor> import_image(store::LayerStore& layers, const ImageParts& parts,
                                     const FetchLayer& fetch, const ImportOptions& options);

}  // namespace pgstrata::importer
