#include "sandbox/root_filesystem.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <variant>

#include <fmt/format.h>

#include "os/file.h"
#include "sandbox/devices.h"
#include "sandbox/machine_files.h"
#include "sandbox/mount_api.h"
#include "sandbox/proc.h"
#include "sandbox/read_watch.h"

namespace pgstrata::sandbox {
namespace {

constexpr std::uint64_t kNoPrograms = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/// pivot_root wants a mount point, and one that it can tell from the current root.
Result<os::Fd> bind_to_itself(const std::string& rootfs) {
  os::Fd tree = TRY(clone_tree(AT_FDCWD, rootfs));
  const os::Fd target = TRY(os::open(rootfs, O_PATH | O_DIRECTORY));
  TRY_VOID(attach(tree.get(), target.get(), rootfs));
  return tree;
}

/// A fresh sysfs shows our network namespace. As a plain user with the host's network the kernel refuses it
/// (EPERM: that namespace isn't ours); then the host's is bound.
Result<os::Fd> make_sysfs(std::uint64_t attributes) {
  auto fresh = new_filesystem("sysfs", {{"source", "sysfs"}}, attributes);
  if (fresh) return fresh;
  os::Fd bound = TRY(clone_tree(AT_FDCWD, "/sys"));
  TRY_VOID(set_attributes(bound.get(), attributes, "/sys"));
  return bound;
}

Result<void> mask_sysfs(int sys) {
  for (const char* name : kMaskedInSys) {
    const os::Fd target(::openat(sys, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!target) continue;
    const os::Fd empty =
        TRY(new_filesystem("tmpfs", {{"source", "tmpfs"}}, kNoPrograms | MOUNT_ATTR_RDONLY));
    TRY_VOID(attach(empty.get(), target.get(), std::string("/sys/") + name));
  }
  return {};
}

/// Programs look there for their memory limit (the JVM, PostgreSQL's tools). Only on machines with the
/// unified hierarchy; elsewhere the directory stays empty, as in a container without cgroups.
Result<void> mount_cgroup(int sys, std::uint64_t attributes) {
  struct statfs status {};
  if (::statfs("/sys/fs/cgroup", &status) != 0 || status.f_type != CGROUP2_SUPER_MAGIC) return {};
  const os::Fd target(::openat(sys, "fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC));
  auto cgroup = new_filesystem("cgroup2", {{"source", "cgroup"}}, attributes);
  if (!target || !cgroup) return {};  // EPERM where the machine's own is not fully visible
  return attach(cgroup->get(), target.get(), "/sys/fs/cgroup");
}

Result<void> mount_sysfs(int target, bool insecure) {
  const std::uint64_t attributes = kNoPrograms | (insecure ? 0 : MOUNT_ATTR_RDONLY);
  const os::Fd sys = TRY(make_sysfs(attributes));
  TRY_VOID(attach(sys.get(), target, "/sys"));
  TRY_VOID(mount_cgroup(sys.get(), attributes));
  return insecure ? Result<void>() : mask_sysfs(sys.get());
}

/// A file that exists in memory only. It is made in the sandbox's /dev, a tmpfs at hand, and unlinked once
/// a mount holds it. Gives the directory that it was in, whose watch tells whether it was read.
Result<os::Fd> mount_text(int dev, int target, const std::string& text, const std::string& shown) {
  const std::string name = ".pgstrata";
  if (::mkdirat(dev, name.c_str(), 0700) != 0) return fail(system_error("can't create", name));
  os::Fd directory = TRY(os::open_at(dev, name, O_RDONLY | O_DIRECTORY));
  {
    const os::Fd file = TRY(os::open_at(directory.get(), "text", O_WRONLY | O_CREAT | O_EXCL, 0644));
    TRY_VOID(os::write_all(file.get(), text, shown));
  }
  const os::Fd tree = TRY(clone_tree(directory.get(), "text"));
  TRY_VOID(set_attributes(tree.get(), kNoPrograms | MOUNT_ATTR_RDONLY, shown));
  TRY_VOID(
      attach(tree.get(), target, shown));  // before unlink: an unlinked root can't be attached (ENOENT)
  watch_reads(directory);                  // and this, too: the kernel marks the names that are there
  if (::unlinkat(directory.get(), "text", 0) != 0 || ::unlinkat(dev, name.c_str(), AT_REMOVEDIR) != 0)
    return fail(system_error("can't unlink", name));
  return directory;
}

/// Gives the watch of resolv.conf.
Result<os::Fd> mount_machine_files(const ProcessSpec& spec, int root, int dev, Stubs& stubs) {
  const os::Fd hosts = TRY(open_target(root, "/etc/hosts", TargetType::kFile, &stubs));
  TRY(mount_text(dev, hosts.get(), hosts_text(spec.hostname, spec.extra_hosts), "/etc/hosts"));
  const auto text = resolv_conf_text();
  if (!text) return os::Fd();
  const os::Fd resolv = TRY(open_target(root, "/etc/resolv.conf", TargetType::kFile, &stubs));
  return mount_text(dev, resolv.get(), *text, "/etc/resolv.conf");
}

Result<void> mount_one(const Bind& bind, int root, Stubs& stubs) {
  const os::Fd tree = TRY(clone_tree(AT_FDCWD, bind.source));
  struct stat status {};
  if (::fstat(tree.get(), &status) != 0) return fail(system_error("can't look at", bind.source));
  if (bind.read_only) TRY_VOID(set_attributes(tree.get(), MOUNT_ATTR_RDONLY, bind.source));
  const auto type = S_ISDIR(status.st_mode) ? TargetType::kDirectory : TargetType::kFile;
  const os::Fd target = TRY(open_target(root, bind.target, type, &stubs));
  return attach(tree.get(), target.get(), bind.target);
}

Result<void> mount_one(const Tmpfs& tmpfs, int root, Stubs& stubs) {
  FsOptions options = {{"source", "tmpfs"}, {"mode", fmt::format("{:04o}", tmpfs.mode)}};
  if (tmpfs.size != 0) options.emplace_back("size", std::to_string(tmpfs.size));
  const os::Fd mount = TRY(new_filesystem("tmpfs", options, MOUNT_ATTR_NOSUID));
  const os::Fd target = TRY(open_target(root, tmpfs.target, TargetType::kDirectory, &stubs));
  return attach(mount.get(), target.get(), tmpfs.target);
}

bool covers_shm(const Mount& mount) { return target_of(mount) == "/dev/shm"; }

}  // namespace

Result<RootFilesystem> build_root_filesystem(const ProcessSpec& spec, Stubs& stubs) {
  RootFilesystem made;
  made.root = TRY(bind_to_itself(spec.rootfs));
  const int root = made.root.get();
  // These three stay if they were missing, as runc leaves them: a Dockerfile may count on what BuildKit's
  // layers have.
  made.proc = TRY(open_target(root, "/proc", TargetType::kDirectory, nullptr));
  const os::Fd dev_target = TRY(open_target(root, "/dev", TargetType::kDirectory, nullptr));
  const bool own_shm = std::any_of(spec.mounts.begin(), spec.mounts.end(), covers_shm);
  const os::Fd dev = TRY(mount_devices(dev_target.get(), own_shm ? Shm::kNone : Shm::kDockers));
  made.null = TRY(os::open_at(dev.get(), "null", O_RDWR));
  if (spec.insecure) TRY_VOID(add_insecure_devices(root, stubs));
  for (const DeviceNode& node : spec.devices) TRY_VOID(add_device(root, node, stubs));
  const os::Fd sys_target = TRY(open_target(root, "/sys", TargetType::kDirectory, nullptr));
  TRY_VOID(mount_sysfs(sys_target.get(), spec.insecure));
  made.resolv_conf_reads = TRY(mount_machine_files(spec, root, dev.get(), stubs));
  for (const Mount& mount : spec.mounts)
    TRY_VOID(std::visit([&](const auto& one) { return mount_one(one, root, stubs); }, mount));
  TRY(open_target(root, spec.cwd, TargetType::kDirectory, nullptr));
  return made;
}

}  // namespace pgstrata::sandbox
