#include "trace/source.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <string_view>

namespace pgstrata::trace {
namespace {

bool is_whiteout(const struct stat& status) { return S_ISCHR(status.st_mode) && status.st_rdev == 0; }

/// For calls that have no form with a directory and a name. The server's threads have a table of
/// descriptors of their own (server.h): the process's would be another one.
std::string proc_path(const os::Fd& directory, const std::string& name) {
  return fmt::format("/proc/thread-self/fd/{}/{}", directory.get(), name);
}

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

int read_directory(int fd, Listing& listing) {
  const std::unique_ptr<DIR, CloseDir> stream(::fdopendir(fd));
  if (!stream) {
    const int code = errno;
    ::close(fd);
    return -code;
  }
  errno = 0;
  while (const dirent* found = ::readdir(stream.get())) {
    const std::string_view name = found->d_name;
    Item item{.name = std::string(name), .inode = found->d_ino, .type = found->d_type};
    errno = 0;
    if (name == "." || name == "..") continue;
    if (item.type == DT_UNKNOWN || item.type == DT_CHR) {
      struct stat status {};
      if (::fstatat(fd, item.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return -errno;
      if (is_whiteout(status)) continue;
      item.type = IFTODT(status.st_mode);
    }
    listing.push_back(std::move(item));
  }
  return -errno;
}

}  // namespace

bool is_overlay_mark(std::string_view name) {
  return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
}

int Source::directory(NodeId node, std::shared_ptr<const os::Fd>& fd) {
  // Up to the nearest ancestor that is open, then down again; not by recursion, paths may be very long.
  std::vector<std::pair<NodeId, std::string>> missing;
  for (NodeId at = node;;) {
    fd = at == kRoot ? root_ : directories_.find(at);
    if (fd) break;
    Nodes::Place place = nodes_.place(at);
    missing.emplace_back(at, std::move(place.name));
    at = place.parent;
  }
  for (; !missing.empty(); missing.pop_back()) {
    const auto& [id, name] = missing.back();
    os::Fd opened(::openat(fd->get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!opened) return -errno;
    fd = directories_.put(id, std::move(opened));
  }
  return 0;
}

int Source::at(NodeId node, At& place) {
  if (node == kRoot) {
    place = {root_, "."};
    return 0;
  }
  Nodes::Place found = nodes_.place(node);
  place.name = std::move(found.name);
  return directory(found.parent, place.directory);
}

int Source::file(NodeId node, std::shared_ptr<const os::Fd>& fd) {
  fd = files_.find(node);
  if (fd) return 0;
  At place;
  if (const int code = at(node, place); code != 0) return code;
  os::Fd opened(
      ::openat(place.directory->get(), place.name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!opened) return -errno;
  fd = files_.put(node, std::move(opened));
  return 0;
}

int Source::look_up(NodeId parent, const char* name, struct stat& status) {
  std::shared_ptr<const os::Fd> fd;
  if (const int code = directory(parent, fd); code != 0) return code;
  if (::fstatat(fd->get(), name, &status, AT_SYMLINK_NOFOLLOW) != 0) return -errno;
  return is_whiteout(status) ? -ENOENT : 0;
}

int Source::status(NodeId node, struct stat& status) {
  At place;
  if (const int code = at(node, place); code != 0) return code;
  return ::fstatat(place.directory->get(), place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 ? 0
                                                                                                  : -errno;
}

int Source::read_link(NodeId node, std::string& target) {
  At place;
  if (const int code = at(node, place); code != 0) return code;
  target.resize(PATH_MAX);
  const ssize_t size =
      ::readlinkat(place.directory->get(), place.name.c_str(), target.data(), target.size());
  if (size < 0) return -errno;
  target.resize(static_cast<std::size_t>(size));
  return 0;
}

int Source::list(NodeId node, std::shared_ptr<const Listing>& listing) {
  listing = listings_.find(node);
  if (listing) return 0;
  std::shared_ptr<const os::Fd> fd;
  if (const int code = directory(node, fd); code != 0) return code;
  const int stream = ::openat(fd->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (stream < 0) return -errno;
  Listing read;
  if (const int code = read_directory(stream, read); code != 0) return code;
  // The order of a file system depends on its hash seed; nothing that a step does should.
  std::sort(read.begin(), read.end(), [](const Item& a, const Item& b) { return a.name < b.name; });
  listing = listings_.put(node, std::move(read));
  return 0;
}

ssize_t Source::read(NodeId node, std::span<char> buffer, off_t offset) {
  std::shared_ptr<const os::Fd> fd;
  if (const int code = file(node, fd); code != 0) return code;
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t size =
        ::pread(fd->get(), &buffer[done], buffer.size() - done, offset + static_cast<off_t>(done));
    if (size < 0) return -errno;
    if (size == 0) break;
    done += static_cast<std::size_t>(size);
  }
  return static_cast<ssize_t>(done);
}

off_t Source::seek(NodeId node, off_t offset, int whence) {
  std::shared_ptr<const os::Fd> fd;
  if (const int code = file(node, fd); code != 0) return code;
  const off_t found = ::lseek(fd->get(), offset, whence);
  return found < 0 ? -errno : found;
}

ssize_t Source::get_xattr(NodeId node, const char* name, std::span<char> value) {
  if (is_overlay_mark(name)) return -ENODATA;
  At place;
  if (const int code = at(node, place); code != 0) return code;
  const ssize_t size =
      ::lgetxattr(proc_path(*place.directory, place.name).c_str(), name, value.data(), value.size());
  if (size < 0) return errno == ENOTSUP ? -ENODATA : -errno;
  return size;
}

int Source::list_xattrs(NodeId node, std::string& names) {
  At place;
  if (const int code = at(node, place); code != 0) return code;
  std::string all(XATTR_LIST_MAX, '\0');
  const ssize_t size =
      ::llistxattr(proc_path(*place.directory, place.name).c_str(), all.data(), all.size());
  if (size < 0) return errno == ENOTSUP ? 0 : -errno;
  for (std::string_view rest(all.data(), static_cast<std::size_t>(size)); !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find('\0'));
    if (!is_overlay_mark(name)) names.append(name).push_back('\0');
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
  }
  return 0;
}

}  // namespace pgstrata::trace
