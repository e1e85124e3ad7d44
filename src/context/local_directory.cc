#include "context/local_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>

#include "context/stat_cache_format.h"

namespace pgstrata::context {
namespace {

constexpr std::size_t kReadSize = 128 * 1024;
constexpr std::size_t kListSize = 32 * 1024;

// One component at a time: for kernels and sandboxes without openat2, and for paths that are too long.
os::Fd open_by_components(int root, std::string_view path, int flags) {
  os::Fd current;
  for (int directory = root;; directory = current.get()) {
    const auto slash = std::min(path.find('/'), path.size());
    const std::string component(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (component == "..") {
      errno = ENOENT;
      return {};
    }
    const int step = path.empty() ? flags : O_PATH | O_DIRECTORY;
    current = os::Fd(::openat(directory, component.c_str(), step | O_NOFOLLOW | O_CLOEXEC));
    if (!current || path.empty()) return current;
  }
}

bool same_while_reading(const struct stat& before, const struct stat& after) {
  return FileStamp::of(before) == FileStamp::of(after);
}

}  // namespace

os::Fd open_beneath(int root, const std::string& path, int flags) {
  const std::string& shown = path.empty() ? std::string(".") : path;
  if (shown.size() < PATH_MAX) {
    open_how how{};
    how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const long fd = ::syscall(SYS_openat2, root, shown.c_str(), &how, sizeof how);
    if (fd >= 0) return os::Fd(static_cast<int>(fd));
    if (errno != ENOSYS && errno != EPERM && errno != EAGAIN) return {};
  }
  return open_by_components(root, shown, flags);
}

bool is_absent(int code) {
  return code == ENOENT || code == ENOTDIR || code == ELOOP || code == EXDEV || code == ENAMETOOLONG;
}

Error unreadable(const std::string& shown, int code) {
  Error error = system_error("can't read the build context", shown, code);
  if (code != EACCES && code != EPERM) return error;
  error.kind = ErrorKind::kUsage;
  error.next = "make it readable for the user who builds, or name it in .dockerignore";
  return error;
}

Result<void> DirectoryNames::read(int fd, const std::string& shown) {
  std::size_t used = 0;
  for (;;) {
    if (bytes_.size() < used + kListSize) bytes_.resize(used + kListSize);
    const ssize_t count = ::getdents64(fd, bytes_.data() + used, bytes_.size() - used);
    if (count < 0) return fail(unreadable(shown, errno));
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
  }
  names_.clear();
  for (std::size_t at = 0; at < used;) {
    const char* record = bytes_.data() + at;
    const std::uint8_t type = static_cast<std::uint8_t>(record[offsetof(dirent64, d_type)]);
    std::uint16_t size;
    std::memcpy(&size, record + offsetof(dirent64, d_reclen), sizeof size);
    at += size;
    const char* text = record + offsetof(dirent64, d_name);
    if (std::strcmp(text, ".") == 0 || std::strcmp(text, "..") == 0) continue;
    names_.push_back(
        {text, static_cast<std::uint32_t>(std::strlen(text)), type == DT_DIR || type == DT_UNKNOWN});
  }
  std::sort(names_.begin(), names_.end(), [](const Name& a, const Name& b) { return a.view() < b.view(); });
  return {};
}

std::optional<filetree::Entry> make_entry(std::string path, const struct stat& status) {
  filetree::Entry entry;
  switch (status.st_mode & S_IFMT) {
    case S_IFSOCK:
      break;
    case S_IFREG:
      entry.type = filetree::EntryType::kRegular;
      entry.size = static_cast<std::uint64_t>(status.st_size);
      break;
    case S_IFDIR:
      entry.type = filetree::EntryType::kDirectory;
      break;
    case S_IFLNK:
      entry.type = filetree::EntryType::kSymlink;
      break;
    case S_IFIFO:
      entry.type = filetree::EntryType::kFifo;
      break;
    case S_IFCHR:
    case S_IFBLK:
      entry.type =
          S_ISCHR(status.st_mode) ? filetree::EntryType::kCharDevice : filetree::EntryType::kBlockDevice;
      entry.device_major = major(status.st_rdev);
      entry.device_minor = minor(status.st_rdev);
      break;
    default:
      return std::nullopt;
  }
  entry.path = std::move(path);
  entry.mode = status.st_mode & 07777;
  entry.mtime_ns = FileStamp::of(status).mtime_ns;
  return entry;
}

std::optional<std::string> read_link(int fd, const char* name) {
  std::string target(256, '\0');
  for (;;) {
    const ssize_t count = ::readlinkat(fd, name, target.data(), target.size());
    if (count < 0) return std::nullopt;
    const auto length = static_cast<std::size_t>(count);
    if (length < target.size()) {
      target.resize(length);
      return target;
    }
    target.resize(2 * target.size());
  }
}

std::vector<filetree::Xattr> read_xattrs(int fd) {
  std::vector<filetree::Xattr> xattrs;
  const ssize_t size = ::flistxattr(fd, nullptr, 0);
  if (size <= 0) return xattrs;
  std::string list(static_cast<std::size_t>(size), '\0');
  const ssize_t got = ::flistxattr(fd, list.data(), list.size());
  if (got <= 0) return xattrs;
  for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
    const std::string name = list.c_str() + at;
    at += name.size() + 1;
    if (name != "security.capability") continue;
    std::string value(XATTR_SIZE_MAX, '\0');
    const ssize_t length = ::fgetxattr(fd, name.c_str(), value.data(), value.size());
    if (length < 0) continue;
    value.resize(static_cast<std::size_t>(length));
    value.shrink_to_fit();
    xattrs.emplace_back(name, std::move(value));
  }
  std::sort(xattrs.begin(), xattrs.end());
  return xattrs;
}

Result<std::optional<HashedFile>> FileHasher::hash(int fd, const char* name, const std::string& shown) {
  constexpr int kAttempts = 3;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    HashedFile hashed{};
    hashed.began_ns = coarse_now_ns();
    // Not blocking: it may have become a FIFO since it was listed.
    const os::Fd file(::openat(fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file && (is_absent(errno) || errno == ENXIO)) return std::nullopt;
    if (!file) return fail(unreadable(shown, errno));
    struct stat before {};
    if (::fstat(file.get(), &before) != 0) return fail(unreadable(shown, errno));
    if (!S_ISREG(before.st_mode)) return std::nullopt;
    hashed.content = TRY(digest(file.get(), static_cast<std::uint64_t>(before.st_size), shown));
    hashed.xattrs = read_xattrs(file.get());
    if (::fstat(file.get(), &hashed.status) != 0) return fail(unreadable(shown, errno));
    if (same_while_reading(before, hashed.status)) return hashed;
  }
  return fail({.kind = ErrorKind::kIo,
               .what = "can't read the build context",
               .where = shown,
               .why = "the file changes while it is read",
               .next = "build when nothing writes to it, or name it in .dockerignore"});
}

// Stops at the size that fstat named, which saves a read per file; if there is more, the second fstat
// tells. Files of size 0 are read: some file systems make content up (/proc).
Result<oci::Digest> FileHasher::digest(int fd, std::uint64_t size, const std::string& shown) {
  buffer_.resize(kReadSize);
  for (std::uint64_t done = 0;;) {
    const ssize_t count = ::read(fd, buffer_.data(), buffer_.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int code = errno;
      static_cast<void>(sha256_.finish());  // starts anew
      return fail(unreadable(shown, code));
    }
    sha256_.update(std::span(buffer_).first(static_cast<std::size_t>(count)));
    done += static_cast<std::uint64_t>(count);
    if (count == 0 || done == size) return sha256_.finish();
  }
}

std::int64_t coarse_now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

}  // namespace pgstrata::context
