#include "remote/work_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "os/file.h"

namespace pgstrata::remote {
namespace {

constexpr std::string_view kPrefix = "work.";

void remove_abandoned(const std::string& root) {
  DIR* directory = ::opendir(root.c_str());
  if (directory == nullptr) return;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = &entry->d_name[0];
    if (!name.starts_with(kPrefix)) continue;
    const auto lock = os::open(root + "/" + name, O_RDONLY | O_DIRECTORY);
    if (!lock || ::flock(lock->get(), LOCK_EX | LOCK_NB) != 0) continue;
    // Another build's attempt is as good as this one.
    static_cast<void>(os::remove_tree(root + "/" + name).has_value());
  }
  ::closedir(directory);
}

}  // namespace

Result<WorkDirectory> WorkDirectory::make(const std::string& root) {
  TRY_VOID(os::make_directories(root, 0700));
  // Nobody may take a directory for abandoned between its making and its locking.
  const os::Fd making = TRY(os::open(root + "/work-lock", O_RDWR | O_CREAT, 0600));
  while (::flock(making.get(), LOCK_EX) != 0)
    if (errno != EINTR) return fail(system_error("can't lock the directory for downloads", root));
  remove_abandoned(root);
  std::string path = root + "/" + std::string(kPrefix) + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr)
    return fail(system_error("can't make a directory for downloads", path));
  os::Fd lock = TRY(os::open(path, O_RDONLY | O_DIRECTORY));
  if (::flock(lock.get(), LOCK_EX) != 0)
    return fail(system_error("can't lock the directory for downloads", path));
  return WorkDirectory(std::move(lock), std::move(path));
}

WorkDirectory::WorkDirectory(WorkDirectory&& other) noexcept
    : lock_(std::move(other.lock_)), path_(std::exchange(other.path_, {})) {}

WorkDirectory& WorkDirectory::operator=(WorkDirectory&& other) noexcept {
  std::swap(lock_, other.lock_);
  std::swap(path_, other.path_);
  return *this;
}

WorkDirectory::~WorkDirectory() {
  // What can't be removed now is removed by the next build that fetches something.
  if (!path_.empty()) static_cast<void>(os::remove_tree(path_).has_value());
}

}  // namespace pgstrata::remote
