#include "store/build_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "os/file.h"

namespace pgstrata::store {
namespace {

namespace fs = std::filesystem;

Result<void> clear(const std::string& directory) {
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, code)) {
    std::error_code no_link;
    const fs::path elsewhere = fs::read_symlink(entry.path(), no_link);
    // A program of a killed build may still be writing there: the link stays, for the next build.
    if (!no_link && !os::remove_tree(elsewhere)) continue;
    TRY_VOID(os::remove_tree(entry.path()));
  }
  if (code) return fail(system_error("can't read the directory", directory, code.value()));
  return {};
}

}  // namespace

Result<BuildLock> BuildLock::share(const std::string& root) {
  const std::string path = root + "/build.lock";
  os::Fd fd = TRY(os::open(path, O_RDWR | O_CREAT, 0644));
  while (::flock(fd.get(), LOCK_SH) != 0)
    if (errno != EINTR) return fail(system_error("can't lock the store", path));
  return BuildLock(std::move(fd));
}

Result<void> BuildLock::clear_abandoned(const std::string& root) {
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    // The attempt may have given up the shared lock (flock(2), "Converting a lock").
    ::flock(fd_.get(), LOCK_SH);
    return {};
  }
  auto cleared = clear(root + "/tmp");
  ::flock(fd_.get(), LOCK_SH);
  return cleared;
}

Result<bool> BuildLock::take_alone(bool wait) {
  while (::flock(fd_.get(), wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return fail(system_error("can't lock the store", "build.lock"));
    // The attempt may have given up the shared lock (flock(2), "Converting a lock").
    ::flock(fd_.get(), LOCK_SH);
    return false;
  }
  return true;
}

Result<void> BuildLock::share_again() {
  while (::flock(fd_.get(), LOCK_SH) != 0)
    if (errno != EINTR) return fail(system_error("can't lock the store", "build.lock"));
  return {};
}

}  // namespace pgstrata::store
