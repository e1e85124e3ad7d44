#include "store/background_sync.h"

#include <fcntl.h>
#include <unistd.h>

#include <thread>

#include "os/file.h"

namespace pgstrata::store {

Result<void> BackgroundSync::start(const std::string& root) {
  os::Fd directory = TRY(os::open(root, O_RDONLY | O_DIRECTORY));
  started_ = cache::Index::now();
  done_ = std::make_shared<std::atomic<bool>>(false);
  // Detached, and owning all it uses: a slow disk must not keep the build from ending.
  std::thread([directory = std::move(directory), done = done_] {
    if (::syncfs(directory.get()) == 0) *done = true;
  }).detach();
  return {};
}

Result<void> BackgroundSync::finish(cache::Index& index) {
  if (!done_ || !*done_) return {};
  return index.mark_synced(started_);
}

}  // namespace pgstrata::store
