// A program may have made a tree of any depth, and what can't be removed stays in the way of all that come
// later: so neither descriptors nor the stack may run out on the way down.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>

#include "os/file.h"

namespace pgstrata::os {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

/// Directories that are open at once. Those below are moved to the top, and removed from there.
constexpr int kDeepest = 32;

class Removal {
 public:
  explicit Removal(const std::string& path) : path_(path) {}

  Result<void> run() {
    do {
      moved_ = false;
      TRY_VOID(remove(AT_FDCWD, path_.c_str(), path_, 0));
    } while (moved_);
    return {};
  }

 private:
  Result<void> remove(int parent, const char* name, const std::string& shown, int depth);
  Result<void> remove_children(Fd dir, const std::string& shown, int depth);
  Result<void> move_to_top(int parent, const char* name, const std::string& shown);

  const std::string& path_;
  int top_ = -1;  ///< open while there is something below it
  bool moved_ = false;
  unsigned names_ = 0;
};

Result<void> Removal::remove(int parent, const char* name, const std::string& shown, int depth) {
  if (::unlinkat(parent, name, 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM && errno != EACCES)
    return fail(system_error("can't remove", shown));
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Fd dir(::openat(parent, name, flags));
  if (!dir && errno == EACCES && ::fchmodat(parent, name, 0700, 0) == 0)
    dir.reset(::openat(parent, name, flags));
  if (!dir) return errno == ENOENT ? Result<void>{} : fail(system_error("can't remove", shown));
  struct stat status {};
  if (::fstat(dir.get(), &status) == 0 && (status.st_mode & S_IRWXU) != S_IRWXU)
    static_cast<void>(::fchmod(dir.get(), 0700));
  if (depth == kDeepest) return move_to_top(parent, name, shown);
  TRY_VOID(remove_children(std::move(dir), shown, depth));
  if (::unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  // What came to the top may not have been listed any more: it goes in the next round.
  if (depth == 0 && moved_ && (errno == ENOTEMPTY || errno == EEXIST)) return {};
  return fail(system_error("can't remove", shown));
}

Result<void> Removal::remove_children(Fd dir, const std::string& shown, int depth) {
  const std::unique_ptr<DIR, CloseDir> stream(::fdopendir(dir.get()));
  if (!stream) return fail(system_error("can't list", shown));
  const int fd = dir.release();  // owned by the stream now
  if (depth == 0) top_ = fd;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    TRY_VOID(remove(fd, entry->d_name, shown + "/" + entry->d_name, depth + 1));
  }
  return {};
}

Result<void> Removal::move_to_top(int parent, const char* name, const std::string& shown) {
  for (;;) {
    const std::string aside = fmt::format(".removed.{}.{}", ::getpid(), names_++);
    if (::renameat(parent, name, top_, aside.c_str()) == 0) break;
    // Something of that name is there.
    if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
      return fail(system_error("can't remove", shown));
  }
  moved_ = true;
  return {};
}

}  // namespace

Result<void> remove_tree(const std::string& path) { return Removal(path).run(); }

}  // namespace pgstrata::os
