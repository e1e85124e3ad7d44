#include "layer/unpacked_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace pgstrata::layer {

std::array<timespec, 2> times_of(const filetree::Entry& entry) {
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  timespec time{.tv_sec = entry.mtime_ns / kNanoseconds, .tv_nsec = entry.mtime_ns % kNanoseconds};
  if (time.tv_nsec < 0) {
    time.tv_nsec += kNanoseconds;
    --time.tv_sec;
  }
  return {time, time};
}

Result<os::Fd> open_beneath(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  os::Fd fd(
      static_cast<int>(::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how)));
  if (!fd) return fail(system_error("can't open a directory of the layer", "/" + path));
  return fd;
}

Result<void> finish_file(int file, const filetree::Entry& entry, bool rootless) {
  const auto failed = [&](std::string what) {
    return fail(system_error(std::move(what), "/" + entry.path));
  };
  // The order matters: chown clears setuid and capabilities.
  if (::fchown(file, entry.uid, entry.gid) != 0) return failed("can't set the owner");
  if (::fchmod(file, entry.mode) != 0) return failed("can't set the mode");
  for (const auto& [key, value] : entry.xattrs) {
    if (rootless && key.starts_with("trusted.")) continue;
    if (::fsetxattr(file, key.c_str(), value.data(), value.size(), 0) != 0)
      return failed("can't set the extended attribute " + key);
  }
  if (::futimens(file, times_of(entry).data()) != 0) return failed("can't set the times");
  return {};
}

}  // namespace pgstrata::layer
