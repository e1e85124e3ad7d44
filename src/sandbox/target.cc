#include "sandbox/target.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <string>
#include <utility>

#include "os/file.h"

namespace pgstrata::sandbox {
namespace {

constexpr int kMaxLinks = 255;

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/// Puts the components of `path` on the stack of those still to walk, the first on top.
void push_components(std::string_view path, std::vector<std::string>& pending) {
  const size_t bottom = pending.size();
  for (size_t start = 0; start <= path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string_view part = path.substr(start, end - start);
    if (!part.empty() && part != ".")
      pending.insert(pending.begin() + static_cast<std::ptrdiff_t>(bottom), std::string(part));
    start = end + 1;
  }
}

Result<std::string> read_link(int link, std::string_view shown) {
  std::array<char, PATH_MAX> text{};
  const ssize_t size = ::readlinkat(link, "", text.data(), text.size());
  if (size < 0) return fail(system_error("can't read a link", shown));
  return std::string(text.data(), static_cast<size_t>(size));
}

/// Creates `name` in `parent`, and opens it.
Result<os::Fd> create(int parent, const std::string& name, TargetType type, Stubs* stubs,
                      std::string_view shown) {
  struct stat before {};
  if (::fstat(parent, &before) != 0) return fail(system_error("can't look at a directory", shown));
  bool made = false;
  if (type == TargetType::kDirectory) {
    made = ::mkdirat(parent, name.c_str(), 0755) == 0;
  } else {
    const os::Fd file(::openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    made = static_cast<bool>(file);
  }
  // EEXIST: another sandbox was faster, in a cache directory that both mount.
  if (!made && errno != EEXIST) return fail(system_error("can't create a mount point", shown));
  if (made && stubs != nullptr) TRY_VOID(stubs->add(parent, name, before));
  return os::open_at(parent, name, O_PATH | O_NOFOLLOW);
}

/// The walk of one path: the directories from the root down to where it stands.
class Walk {
 public:
  Walk(std::string_view path, TargetType type, Stubs* stubs) : path_(path), type_(type), stubs_(stubs) {
    push_components(path, pending_);
  }

  Result<os::Fd> run(int root) {
    dirs_.push_back(TRY(os::open_at(root, ".", O_PATH | O_DIRECTORY)));
    while (!pending_.empty()) {
      const std::string name = std::move(pending_.back());
      pending_.pop_back();
      TRY_VOID(step(name));
    }
    return std::move(dirs_.back());
  }

 private:
  Result<void> step(const std::string& name) {
    if (name == "..") {
      if (dirs_.size() > 1) dirs_.pop_back();
      return {};
    }
    const int parent = dirs_.back().get();
    os::Fd next(::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!next && errno != ENOENT) return fail(system_error("can't reach a mount point", path_));
    if (!next) {
      const TargetType type = pending_.empty() ? type_ : TargetType::kDirectory;
      next = TRY(create(parent, name, type, stubs_, path_));
    }
    struct stat status {};
    if (::fstat(next.get(), &status) != 0) return fail(system_error("can't reach a mount point", path_));
    if (S_ISLNK(status.st_mode)) return follow(next.get());
    dirs_.push_back(std::move(next));
    return {};
  }

  Result<void> follow(int link) {
    if (++links_ > kMaxLinks)
      return fail({.kind = ErrorKind::kUsage,
                   .what = "can't reach a mount point",
                   .where = std::string(path_),
                   .why = "its symbolic links form a loop"});
    const std::string text = TRY(read_link(link, path_));
    if (text.starts_with('/')) dirs_.resize(1);
    push_components(text, pending_);
    return {};
  }

  std::string_view path_;
  TargetType type_;
  Stubs* stubs_;
  std::vector<std::string> pending_;
  std::vector<os::Fd> dirs_;
  int links_ = 0;
};

}  // namespace

Result<os::Fd> open_target(int root, std::string_view path, TargetType type, Stubs* stubs) {
  return Walk(path, type, stubs).run(root);
}

Result<void> Stubs::add(int parent, const std::string& name, const struct stat& before) {
  Stub stub{.parent = TRY(os::open_at(parent, ".", O_PATH | O_DIRECTORY)),
            .name = name,
            .made = {},
            .mtime_before = before.st_mtim,
            .mtime_after = {}};
  struct stat after {};
  if (::fstatat(parent, name.c_str(), &stub.made, AT_SYMLINK_NOFOLLOW) != 0 || ::fstat(parent, &after) != 0)
    return fail(system_error("can't look at a mount point", name));
  stub.mtime_after = after.st_mtim;
  stubs_.push_back(std::move(stub));
  return {};
}

void Stubs::remove() {
  while (!stubs_.empty()) {
    remove(stubs_.back());
    stubs_.pop_back();
  }
}

void Stubs::remove(const Stub& stub) {
  struct stat now {};
  struct stat parent {};
  if (::fstat(stub.parent.get(), &parent) != 0) return;
  if (::fstatat(stub.parent.get(), stub.name.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0) return;
  const bool directory = S_ISDIR(stub.made.st_mode);
  if (now.st_ino != stub.made.st_ino || now.st_dev != stub.made.st_dev) return;
  if (!directory && now.st_size != 0) return;
  if (::unlinkat(stub.parent.get(), stub.name.c_str(), directory ? AT_REMOVEDIR : 0) != 0) return;
  if (!same_time(parent.st_mtim, stub.mtime_after)) return;
  const std::array<timespec, 2> times{timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, stub.mtime_before};
  static_cast<void>(::utimensat(stub.parent.get(), "", times.data(), AT_EMPTY_PATH));
}

}  // namespace pgstrata::sandbox
