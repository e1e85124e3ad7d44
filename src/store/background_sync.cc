#include "store/background_sync.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "content/content_store.h"
#include "os/file.h"
#include "store/after_boot.h"

namespace pgstrata::store {

BackgroundSync::~BackgroundSync() {
  if (!kept_.empty()) ::unlink(kept_.c_str());
}

Result<void> BackgroundSync::start(const std::string& root) {
  os::Fd directory = TRY(os::open(root, O_RDONLY | O_DIRECTORY));
  started_ = cache::Index::now();
  done_ = std::make_shared<std::atomic<bool>>(false);
  // The list of images as it is now is on the disk then, too: it is only ever replaced, so that a link
  // keeps it. Without one it stays at an older list.
  const std::string list = root + "/index.json";
  kept_ = fmt::format("{}/tmp/index.json.{}.{}", root, ::getpid(), started_);
  if (::link(list.c_str(), kept_.c_str()) != 0) kept_.clear();
  // Detached, and owning all it uses: a slow disk must not keep the build from ending.
  std::thread([directory = std::move(directory), done = done_, list, kept = kept_, root, began = started_] {
    if (::syncfs(directory.get()) != 0) return;
    note_sync(root, began);
    if (!kept.empty()) std::rename(kept.c_str(), (list + content::kSynced).c_str());
    *done = true;
  }).detach();
  return {};
}

Result<void> BackgroundSync::finish(cache::Index& index) {
  if (!done_ || !*done_) return {};
  return index.mark_synced(started_);
}

}  // namespace pgstrata::store
