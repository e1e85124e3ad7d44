// The bound on a store's size: what `prune` and the end of a build have in common.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "cli/store.h"
#include "core/result.h"
#include "oci/digest.h"
#include "progress/event.h"

namespace pgstrata::cli {

/// The layers of all containers, running or not.
Result<std::set<oci::Digest>> held_by_containers(const std::string& root);

/// PGSTRATA_KEEP_STORAGE, or what prune::usual_bound() says; "off" is no bound.
Result<std::uint64_t> storage_bound(const std::string& root);

/// After a build that made something: looks, at most every ten minutes unless the disk has less than 2 GiB
/// left, whether the store has become too large, and then removes what was used least recently, and says
/// so. Nothing if another build is at work. The process must have one thread once `sink` is suspended.
Result<void> keep_bound(Store& store, const std::string& root, progress::Sink& sink);

}  // namespace pgstrata::cli
