#include "os/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>

#include <fmt/format.h>

namespace pgstrata::os {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<Fd> open_at(int dir, const std::string& path, int flags, mode_t mode) {
  Fd fd(::openat(dir, path.c_str(), flags | O_CLOEXEC, mode));
  if (fd) return fd;
  Error error = system_error("can't open", path);
  if (errno == ENOENT) error.kind = ErrorKind::kNotFound;
  return fail(std::move(error));
}

Result<Fd> open(const std::string& path, int flags, mode_t mode) {
  return open_at(AT_FDCWD, path, flags, mode);
}

Result<std::string> read_all(int fd, std::string_view name) {
  std::string text;
  struct stat status {};
  if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
    text.reserve(static_cast<size_t>(status.st_size) + 1);
  for (;;) {
    const size_t used = text.size();
    const size_t step = std::max<size_t>(text.capacity() - used, 4096);
    text.resize(used + step);
    const ssize_t count = ::read(fd, text.data() + used, step);
    if (count < 0 && errno == EINTR) {
      text.resize(used);
      continue;
    }
    if (count < 0) return fail(system_error("can't read", name));
    text.resize(used + static_cast<size_t>(count));
    if (count == 0) return text;
  }
}

Result<std::string> read_file(const std::string& path) {
  const Fd fd = TRY(open(path, O_RDONLY));
  return read_all(fd.get(), path);
}

Result<void> write_all(int fd, std::span<const std::byte> bytes, std::string_view name) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(system_error("can't write", name));
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return {};
}

Result<void> write_all(int fd, std::string_view text, std::string_view name) {
  return write_all(fd, std::as_bytes(std::span(text.data(), text.size())), name);
}

Result<void> write_file(const std::string& path, std::string_view text, mode_t mode) {
  const Fd fd = TRY(open(path, O_WRONLY | O_CREAT | O_TRUNC, mode));
  return write_all(fd.get(), text, path);
}

Result<void> replace_file(const std::string& path, std::string_view text, bool durable, mode_t mode) {
  static std::atomic<unsigned> counter = 0;
  const std::string temporary = fmt::format("{}.{}.{}.tmp", path, ::getpid(), counter++);
  const auto abandon = [&](Error error) {
    ::unlink(temporary.c_str());
    return fail(std::move(error));
  };
  Fd fd = TRY(open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode));
  if (auto written = write_all(fd.get(), text, path); !written) return abandon(written.error());
  if (durable && ::fsync(fd.get()) != 0) return abandon(system_error("can't sync", path));
  if (::rename(temporary.c_str(), path.c_str()) != 0) return abandon(system_error("can't replace", path));
  if (durable) {
    const Fd dir = TRY(open(parent_of(path), O_RDONLY | O_DIRECTORY));
    if (::fsync(dir.get()) != 0) return fail(system_error("can't sync", parent_of(path)));
  }
  return {};
}

Result<void> make_directories(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return {};
  if (errno == ENOENT) {
    TRY_VOID(make_directories(parent_of(path), mode));
    if (::mkdir(path.c_str(), mode) == 0) return {};
  }
  struct stat status {};
  if (errno == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
  return fail(system_error("can't create the directory", path));
}

void spread_subdirectories(const std::string& path) {
  const auto directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  unsigned flags = 0;  // of this size, whatever _IOR says (ioctl_iflags(2))
  if (!directory || ::ioctl(directory->get(), FS_IOC_GETFLAGS, &flags) != 0) return;
  flags |= FS_TOPDIR_FL;
  static_cast<void>(::ioctl(directory->get(), FS_IOC_SETFLAGS, &flags));
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<std::vector<std::string>> names_in(const std::string& directory) {
  Fd dir = TRY(open(directory, O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, CloseDir> stream(::fdopendir(dir.get()));
  if (!stream) return fail(system_error("can't list", directory));
  static_cast<void>(dir.release());  // owned by the stream now
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream.get()))
    if (const std::string_view name = entry->d_name; name != "." && name != "..") names.emplace_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace pgstrata::os
