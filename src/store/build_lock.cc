#include "store/build_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "os/file.h"

namespace pgstrata::store {
namespace {

namespace fs = std::filesystem;

/// What can be removed is; the first that can't.
Result<std::optional<Error>> clear(const std::string& directory) {
  std::optional<Error> stays;
  for (const std::string& name : TRY(os::names_in(directory))) {
    const fs::path path = fs::path(directory) / name;
    std::error_code no_link;
    const fs::path elsewhere = fs::read_symlink(path, no_link);
    // A program of a killed build may still be writing there: the link stays, for the next build.
    if (!no_link && !os::remove_tree(elsewhere)) continue;
    auto removed = os::remove_tree(path);
    if (!removed && !stays) stays = std::move(removed).error();
  }
  return stays;
}

Result<void> lock_shared(const os::Fd& file) {
  while (::flock(file.get(), LOCK_SH) != 0)
    if (errno != EINTR) return fail(system_error("can't lock the store", "build.lock"));
  return {};
}

}  // namespace

Result<BuildLock> BuildLock::share(const std::string& root) {
  const std::string path = root + "/build.lock";
  os::Fd fd = TRY(os::open(path, O_RDWR | O_CREAT, 0644));
  TRY_VOID(lock_shared(fd));
  return BuildLock(std::move(fd));
}

Result<std::optional<Error>> BuildLock::clear_abandoned(const std::string& root) {
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    // The attempt may have given up the shared lock (flock(2), "Converting a lock").
    TRY_VOID(lock_shared(fd_));
    return std::nullopt;
  }
  auto cleared = clear(root + "/tmp");
  TRY_VOID(lock_shared(fd_));
  return cleared;
}

Result<bool> BuildLock::take_alone(bool wait) {
  while (::flock(fd_.get(), wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return fail(system_error("can't lock the store", "build.lock"));
    // The attempt may have given up the shared lock (flock(2), "Converting a lock").
    TRY_VOID(lock_shared(fd_));
    return false;
  }
  return true;
}

Result<void> BuildLock::share_again() { return lock_shared(fd_); }

}  // namespace pgstrata::store
