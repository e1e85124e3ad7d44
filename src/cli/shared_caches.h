// --cache-to and --cache-from of a build (docs/shared-cache.md).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/registries.h"
#include "cli/store.h"
#include "core/result.h"
#include "graph/merge.h"
#include "progress/event.h"
#include "remotecache/cache_reader.h"
#include "remotecache/place.h"

namespace pgstrata::cli {

using Interruptible = std::function<Result<void>(const remotecache::Transfer&)>;

struct SharedCaches {
  std::vector<remotecache::CacheTo> to;
  std::vector<remotecache::Place> from;
};
Result<SharedCaches> parse_shared_caches(const std::vector<std::string>& to,
                                         const std::vector<std::string>& from);

/// Null without --cache-from. Borrows all that it is given; nothing is asked yet. Reads are done by
/// `interruptible`, as in remotecache::Access.
Result<std::unique_ptr<remotecache::CacheReader>> open_shared(const std::vector<remotecache::Place>& from,
                                                              Store& store, Registries& registries,
                                                              progress::Sink& sink,
                                                              Interruptible interruptible);

/// `keys` has the exact key of each vertex, or none. What was written is told; what couldn't is an error,
/// or a warning with ignore-error.
Result<void> write_shared(const std::vector<remotecache::CacheTo>& to, const graph::MergedGraph& graph,
                          const std::vector<oci::Digest>& keys, Store& store, Registries& registries,
                          progress::Sink& sink);

}  // namespace pgstrata::cli
