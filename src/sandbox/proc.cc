#include "sandbox/proc.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace pgstrata::sandbox {
namespace {

// moby's oci/defaults.go, DefaultLinuxSpec.
constexpr std::array kMasked = {"asound",        "acpi",       "interrupts",  "kcore",       "keys",
                                "latency_stats", "timer_list", "timer_stats", "sched_debug", "scsi"};
constexpr std::array kReadOnly = {"bus", "fs", "irq", "sys", "sysrq-trigger"};

constexpr unsigned kNoPrograms = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
constexpr unsigned kMoveByFd = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;

/// Closes without touching errno. (os::Fd would do as well, but for errno.)
void close_quietly(int fd) {
  const int saved = errno;
  ::close(fd);
  errno = saved;
}

/// A file system of its own, detached; -1 with errno.
int create(const char* type, unsigned attributes) {
  const int context = ::fsopen(type, FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  int mount = -1;
  if (::fsconfig(context, FSCONFIG_SET_STRING, "source", type, 0) == 0 &&
      ::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0)
    mount = ::fsmount(context, FSMOUNT_CLOEXEC, attributes);
  close_quietly(context);
  return mount;
}

bool attach_and_close(int mount, int target) {
  if (mount < 0) return false;
  const bool done = ::move_mount(mount, "", target, "", kMoveByFd) == 0;
  close_quietly(mount);
  return done;
}

/// A directory is hidden by an empty read-only one, a file by /dev/null.
bool mask(int target, int null) {
  struct stat status {};
  if (::fstat(target, &status) != 0) return false;
  if (S_ISDIR(status.st_mode))
    return attach_and_close(create("tmpfs", kNoPrograms | MOUNT_ATTR_RDONLY), target);
  return attach_and_close(::open_tree(null, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH),
                          target);
}

bool make_read_only(int target) {
  const int tree =
      ::open_tree(target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
  if (tree < 0) return false;
  struct mount_attr attributes {};
  attributes.attr_set = kNoPrograms | MOUNT_ATTR_RDONLY;
  if (::mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) != 0) {
    close_quietly(tree);
    return false;
  }
  return attach_and_close(tree, target);
}

}  // namespace

int mount_proc(int target) {
  const int proc = create("proc", kNoPrograms);
  if (proc < 0 || ::move_mount(proc, "", target, "", kMoveByFd) == 0) return proc;
  close_quietly(proc);
  return -1;
}

bool mask_proc(int proc, int null) {
  const auto each = [proc](const auto& names, const auto& apply) {
    for (const char* name : names) {
      const int file = ::openat(proc, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
      if (file < 0 && errno == ENOENT) continue;  // depends on the kernel's configuration
      const bool done = file >= 0 && apply(file);
      close_quietly(file);
      if (!done) return false;
    }
    return true;
  };
  return each(kMasked, [null](int file) { return mask(file, null); }) &&
         each(kReadOnly, [](int file) { return make_read_only(file); });
}

}  // namespace pgstrata::sandbox
