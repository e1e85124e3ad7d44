// syncfs(2) beside a build, so that layers of earlier builds count as being on the disk, and so does the
// list of images: it is kept as index.json.synced.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "cache/index.h"
#include "core/result.h"

namespace pgstrata::store {

/// Starts with a build that takes long anyway, and is never waited for: if the build is over first, the
/// layers stay unsynced until another one.
class BackgroundSync {
 public:
  BackgroundSync() = default;
  BackgroundSync(const BackgroundSync&) = delete;
  BackgroundSync& operator=(const BackgroundSync&) = delete;
  /// Leaves nothing behind of a sync that hasn't ended.
  ~BackgroundSync();
  /// Starts a thread, so the process must not need to be single-threaded any more.
  Result<void> start(const std::string& root);
  /// Tells the index if the sync has ended by now.
  Result<void> finish(cache::Index& index);

 private:
  std::int64_t started_ = 0;
  std::string kept_;  ///< the list of images as it was then, until its sync has ended
  std::shared_ptr<std::atomic<bool>> done_;
};

}  // namespace pgstrata::store
