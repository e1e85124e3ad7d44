#include "store/build_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "os/file.h"

namespace pgstrata::store {

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
  auto cleared = os::remove_tree(root + "/tmp");
  if (cleared) cleared = os::make_directories(root + "/tmp", 0700);
  ::flock(fd_.get(), LOCK_SH);
  return cleared;
}

}  // namespace pgstrata::store
