#include "sandbox/devices.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "os/file.h"
#include "sandbox/mount_api.h"
#include "sandbox/user_namespace.h"

namespace pgstrata::sandbox {
namespace {

struct Node {
  const char* name;
  unsigned major;
  unsigned minor;
};
// Numbers from the kernel's admin-guide/devices.txt.
constexpr std::array kNodes = {Node{"null", 1, 3},   Node{"zero", 1, 5},    Node{"full", 1, 7},
                               Node{"random", 1, 8}, Node{"urandom", 1, 9}, Node{"tty", 5, 0}};

struct Link {
  const char* name;
  const char* target;
};
constexpr std::array kLinks = {Link{"fd", "/proc/self/fd"}, Link{"stdin", "/proc/self/fd/0"},
                               Link{"stdout", "/proc/self/fd/1"}, Link{"stderr", "/proc/self/fd/2"},
                               Link{"ptmx", "pts/ptmx"}};

Result<void> bind_node(int dev, const Node& node) {
  const std::string source = std::string("/dev/") + node.name;
  const os::Fd stub = TRY(os::open_at(dev, node.name, O_WRONLY | O_CREAT | O_EXCL, 0666));
  const os::Fd tree = TRY(clone_tree(AT_FDCWD, source));
  return attach(tree.get(), stub.get(), source);
}

Result<void> make_node(int dev, const Node& node) {
  // EPERM in a user namespace, always, and for root of a container without CAP_MKNOD or with a device
  // cgroup.
  if (!is_rootless() && ::mknodat(dev, node.name, S_IFCHR | 0666, makedev(node.major, node.minor)) == 0)
    return {};
  return bind_node(dev, node);
}

Result<void> mount_below(int dev, const char* name, const char* type, const FsOptions& options,
                         std::uint64_t attributes) {
  if (::mkdirat(dev, name, 0755) != 0) return fail(system_error("can't create a directory in /dev", name));
  const os::Fd mount = TRY(new_filesystem(type, options, attributes));
  const os::Fd target = TRY(os::open_at(dev, name, O_PATH | O_DIRECTORY));
  return attach(mount.get(), target.get(), std::string("/dev/") + name);
}

Result<void> mount_terminals(int dev) {
  // gid 5 is tty in Debian and most others; where only our own id is mapped there is no 5.
  FsOptions options = {{"source", "devpts"}, {"newinstance", ""}, {"ptmxmode", "0666"}, {"mode", "0620"}};
  if (!missing_ids()) options.emplace_back("gid", "5");
  return mount_below(dev, "pts", "devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

}  // namespace

Result<os::Fd> mount_devices(int target, Shm shm) {
  constexpr std::uint64_t kNoPrograms = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  os::Fd dev = TRY(new_filesystem("tmpfs", {{"source", "tmpfs"}, {"mode", "0755"}, {"size", "65536k"}},
                                  MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME));
  TRY_VOID(attach(dev.get(), target, "/dev"));
  for (const Node& node : kNodes) TRY_VOID(make_node(dev.get(), node));
  for (const Link& link : kLinks)
    if (::symlinkat(link.target, dev.get(), link.name) != 0)
      return fail(system_error("can't create a link in /dev", link.name));
  // runc's rule; not every kernel has it.
  if (::access("/proc/kcore", F_OK) == 0 && ::symlinkat("/proc/kcore", dev.get(), "core") != 0)
    return fail(system_error("can't create a link in /dev", "core"));
  TRY_VOID(mount_terminals(dev.get()));
  TRY_VOID(mount_below(dev.get(), "mqueue", "mqueue", {{"source", "mqueue"}}, kNoPrograms));
  if (shm == Shm::kNone) return dev;
  const FsOptions options = {{"source", "shm"}, {"mode", "1777"}, {"size", "65536k"}};
  TRY_VOID(mount_below(dev.get(), "shm", "tmpfs", options, kNoPrograms));
  return dev;
}

Result<void> add_device(int root, const DeviceNode& node, Stubs& stubs) {
  const std::size_t slash = node.path.rfind('/');
  const std::string name = node.path.substr(slash + 1);
  // Outside of /dev a node would stay in the layer.
  if (!is_rootless() && node.path.starts_with("/dev/") && !name.empty()) {
    const os::Fd parent =
        TRY(open_target(root, node.path.substr(0, slash), TargetType::kDirectory, &stubs));
    const ::mode_t type = node.type == 'b' ? S_IFBLK : node.type == 'p' ? S_IFIFO : S_IFCHR;
    if (::mknodat(parent.get(), name.c_str(), type | node.mode, makedev(node.major, node.minor)) == 0) {
      if (::fchownat(parent.get(), name.c_str(), node.uid, node.gid, AT_SYMLINK_NOFOLLOW) != 0 ||
          ::fchmodat(parent.get(), name.c_str(), node.mode, 0) != 0)
        return fail(system_error("can't set owner and mode of the device", node.path));
      return {};
    }
    if (errno == EEXIST) return {};
    if (errno != EPERM) return fail(system_error("can't make the device", node.path));
  }
  const os::Fd tree = TRY(clone_tree(AT_FDCWD, node.source));
  const os::Fd target = TRY(open_target(root, node.path, TargetType::kFile, &stubs));
  return attach(tree.get(), target.get(), node.path);
}

Result<void> add_insecure_devices(int root, Stubs& stubs) {
  if (is_rootless()) return {};
  std::vector<DeviceNode> nodes;
  const auto add = [&nodes](const std::string& path, char type, std::uint32_t major, std::uint32_t minor) {
    nodes.push_back({.path = path, .source = path, .type = type, .major = major, .minor = minor});
  };
  add("/dev/kmsg", 'c', 1, 11);
  add("/dev/cuse", 'c', 10, 203);
  add("/dev/fuse", 'c', 10, 229);
  add("/dev/kvm", 'c', 10, 232);
  add("/dev/net/tun", 'c', 10, 200);
  add("/dev/loop-control", 'c', 10, 237);
  // Up to seven more than are in use.
  const os::Fd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  const int next = control ? std::max(0, ::ioctl(control.get(), LOOP_CTL_GET_FREE)) : 0;
  for (int number = 0; number <= next + 7; ++number)
    add("/dev/loop" + std::to_string(number), 'b', 7, static_cast<std::uint32_t>(number));
  for (const DeviceNode& node : nodes) {
    auto added = add_device(root, node, stubs);
    // A container's root may not make it, and hasn't got it: then the step hasn't either.
    if (!added && added.error().kind != ErrorKind::kNotFound) return added;
  }
  return {};
}

}  // namespace pgstrata::sandbox
