// What lies in a store, how much of the disk it takes, when it was used last, and what needs it. Made for
// `du` and `prune`; a build doesn't look.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/result.h"
#include "image/image.h"
#include "oci/digest.h"
#include "store/layer_store.h"

namespace pgstrata::prune {

/// What can be removed by itself. What is removed can be made or fetched again.
enum class Kind {
  kLayer,       ///< a layer with its files in all forms
  kUnpacked,    ///< the files of a layer, for overlay
  kCompressed,  ///< the compressed form of a layer
  kBlob,        ///< a manifest or configuration that no tag leads to
  kCacheMount,  ///< RUN --mount=type=cache
  kDownload,    ///< of a URL, a Git repository, packages for a bootstrap
};

struct Item {
  Kind kind = Kind::kLayer;
  std::string name;            ///< of a layer its DiffID, of others the path below the store
  std::uint64_t bytes = 0;     ///< of the disk; of a layer its tar and change set
  std::int64_t last_used = 0;  ///< seconds since the epoch
  bool needed = false;         ///< a tag or a container leads to it, or to its layer
  oci::Digest layer;           ///< the one that it is, or is a form of
};

struct ImageUse {
  std::string name;  ///< as people write it
  oci::Digest id;
  std::vector<oci::Digest> layers;  ///< DiffIDs
};

struct Inventory {
  std::vector<Item> items;
  std::vector<ImageUse> images;   ///< one for each tag
  std::uint64_t other_bytes = 0;  ///< index, stat cache, tags: never pruned

  [[nodiscard]] std::uint64_t total() const;
};

/// `held`: layers that containers use. Sizes of directories are exact, which takes a walk; with `estimate`
/// an unpacked layer counts as much as its tar, and other directories aren't looked at.
Result<Inventory> take_inventory(store::LayerStore& layers, const std::set<oci::Digest>& held,
                                 bool estimate = false);

/// "12.3 MB": decimal units, as Docker prints sizes.
[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace pgstrata::prune
