// Which things of a store go when it takes too much of the disk, and their removal.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/result.h"
#include "prune/inventory.h"
#include "store/layer_store.h"

namespace pgstrata::prune {

struct Policy {
  std::uint64_t keep_bytes = 0;              ///< what the whole store may take
  std::optional<std::int64_t> unused_since;  ///< seconds since the epoch: only what wasn't used after
};

/// The least recently used first, until the rest fits. Layers that a tag or a container needs stay; what
/// is made from them (unpacked, compressed) is in the same queue, but for what containers hold.
[[nodiscard]] std::vector<Item> choose(const Inventory& inventory, const std::set<oci::Digest>& held,
                                       const Policy& policy);

/// Removes them: first from the index, so that what is half removed is there for nobody. The caller holds
/// the store alone. Gives the bytes that were freed.
Result<std::uint64_t> remove(store::LayerStore& layers, const std::vector<Item>& items);

/// What a store may take if nobody says: 10 GB, or a tenth of the disk if that is more.
[[nodiscard]] std::uint64_t usual_bound(const std::string& root);

}  // namespace pgstrata::prune
