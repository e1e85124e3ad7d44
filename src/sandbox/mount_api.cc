#include "sandbox/mount_api.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <cerrno>

namespace pgstrata::sandbox {
namespace {

Error mount_error(std::string what, const std::string& where) {
  Error error = system_error(std::move(what), where);
  if (errno == ENOSYS) {
    error.kind = ErrorKind::kMachine;
    error.next = "pgstrata needs Linux 5.12 or newer";
  } else if (errno == EPERM || errno == EACCES) {
    error.kind = ErrorKind::kMachine;
  }
  return error;
}

}  // namespace

Result<os::Fd> new_filesystem(const char* type, const FsOptions& options, std::uint64_t attributes) {
  const os::Fd context(::fsopen(type, FSOPEN_CLOEXEC));
  if (!context) return fail(mount_error("can't create a file system", type));
  for (const auto& [key, value] : options) {
    const int done = value.empty()
                         ? ::fsconfig(context.get(), FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0)
                         : ::fsconfig(context.get(), FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0);
    if (done != 0) return fail(mount_error("can't set the option " + key + "=" + value, type));
  }
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return fail(mount_error("can't create a file system", type));
  os::Fd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
  if (!mount) return fail(mount_error("can't mount a file system", type));
  return mount;
}

Result<os::Fd> clone_tree(int dir, const std::string& path) {
  // Recursive also for files: in a user namespace a bind that would uncover what a mount hides is EINVAL.
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH;
  os::Fd tree(::open_tree(dir, path.c_str(), flags));
  if (tree) return tree;
  Error error = mount_error("can't bind", path);
  if (errno == ENOENT) error.kind = ErrorKind::kNotFound;
  return fail(std::move(error));
}

Result<void> set_attributes(int mount, std::uint64_t attributes, const std::string& shown) {
  struct mount_attr attr {};
  attr.attr_set = attributes;
  if (::mount_setattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) != 0)
    return fail(mount_error("can't change a mount's attributes", shown));
  return {};
}

Result<void> attach(int mount, int target, const std::string& shown) {
  if (::move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    return fail(mount_error("can't mount", shown));
  return {};
}

}  // namespace pgstrata::sandbox
