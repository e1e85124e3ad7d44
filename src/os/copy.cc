#include "os/copy.h"

#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>
#include <vector>

#include "os/file.h"

namespace pgstrata::os {
namespace {

constexpr std::uint64_t kStep = 1 << 20;

bool clone_whole_file(int from, std::uint64_t offset, std::uint64_t size, int to) {
  struct stat source {};
  struct stat target {};
  if (offset != 0 || ::fstat(from, &source) != 0 || ::fstat(to, &target) != 0) return false;
  if (!S_ISREG(target.st_mode) || target.st_size != 0) return false;
  return static_cast<std::uint64_t>(source.st_size) == size && ::ioctl(to, FICLONE, from) == 0;
}

tl::unexpected<Error> too_short(std::string_view name, std::uint64_t left) {
  return fail({.kind = ErrorKind::kCorrupt,
               .what = "what is copied is too short",
               .where = std::string(name),
               .why = fmt::format("{} bytes are missing", left)});
}

Result<void> copy_by_hand(int from, std::uint64_t offset, std::uint64_t size, int to,
                          std::string_view name) {
  std::vector<std::byte> buffer(std::min(size, kStep));
  while (size > 0) {
    const ssize_t got = ::pread(from, buffer.data(), std::min<std::uint64_t>(buffer.size(), size),
                                static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error("can't read the source of", name));
    if (got == 0) return too_short(name, size);
    TRY_VOID(write_all(to, std::span(buffer).first(static_cast<std::size_t>(got)), name));
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::uint64_t>(got);
  }
  return {};
}

/// Not on these two files: other file systems, a pipe, an old kernel, a file opened for appending.
bool is_unsupported(int code) {
  return code == EXDEV || code == EINVAL || code == ENOSYS || code == EOPNOTSUPP || code == EBADF ||
         code == EPERM;
}

}  // namespace

Result<void> copy_range(int from, std::uint64_t offset, std::uint64_t size, int to, std::string_view name) {
  if (size == 0 || clone_whole_file(from, offset, size, to)) return {};
  while (size > 0) {
    auto at = static_cast<loff_t>(offset);
    const ssize_t got = ::copy_file_range(from, &at, to, nullptr,
                                          static_cast<std::size_t>(std::min(size, kStep * 1024)), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && is_unsupported(errno)) return copy_by_hand(from, offset, size, to, name);
    if (got < 0) return fail(system_error("can't write", name));
    if (got == 0) return too_short(name, size);
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::uint64_t>(got);
  }
  return {};
}

}  // namespace pgstrata::os
