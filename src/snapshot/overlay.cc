#include "snapshot/overlay.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string_view>
#include <thread>
#include <unordered_set>

#include "os/file.h"

namespace pgstrata::snapshot {
namespace {

// nofollow, not off: off means "make none, but follow those that are there" where the kernel was built so,
// and that contradicts userxattr.
constexpr std::array kFixedOptions = {std::pair("redirect_dir", "nofollow"), std::pair("metacopy", "off"),
                                      std::pair("index", "off")};

/// The directories of a mount, open (O_PATH).
struct Layers {
  std::vector<os::Fd> lower;  ///< top first
  os::Fd upper;
  os::Fd work;
};

Result<os::Fd> open_directory(const std::string& path) { return os::open(path, O_PATH | O_DIRECTORY); }

Result<Layers> open_layers(const OverlaySpec& spec) {
  Layers layers;
  std::unordered_set<std::string_view> known;
  for (const std::string& path : spec.lowerdirs)
    if (known.insert(path).second) layers.lower.push_back(TRY(open_directory(path)));
  // Overlay wants one lowerdir under an upperdir and two without.
  if (layers.lower.empty() || (layers.lower.size() == 1 && spec.upperdir.empty()))
    layers.lower.push_back(TRY(open_directory(spec.target)));
  if (!spec.upperdir.empty()) {
    layers.upper = TRY(open_directory(spec.upperdir));
    layers.work = TRY(open_directory(spec.workdir));
  }
  return layers;
}

std::string descriptor_path(const os::Fd& fd) { return fmt::format("/proc/self/fd/{}", fd.get()); }

Error cant_mount(const OverlaySpec& spec, int code, std::string_view log) {
  Error error = system_error("can't mount an overlay", spec.target, code);
  error.kind = ErrorKind::kMachine;
  if (!log.empty()) error.why += fmt::format(" ({})", log);
  if (code == EPERM)
    error.next = "run as root, or as a user that may make user namespaces";
  else if (code == ENODEV)
    error.next = "load the kernel module overlay (modprobe overlay)";
  else
    error.next =
        "keep the store on a file system that overlay accepts as upper directory (ext4, xfs, btrfs, tmpfs)";
  return error;
}

/// What the kernel says about a refused option, or nothing.
std::string kernel_message(int context) {
  std::array<char, 512> text{};
  const ssize_t size = ::read(context, text.data(), text.size());
  std::string message = size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : "";
  while (!message.empty() && message.back() == '\n') message.pop_back();
  return message;
}

bool set_string(const os::Fd& context, const char* key, const char* value) {
  return ::fsconfig(context.get(), FSCONFIG_SET_STRING, key, value, 0) == 0;
}
bool set_path(const os::Fd& context, const char* key, const os::Fd& directory) {
  return set_string(context, key, descriptor_path(directory).c_str());
}
bool set_flag(const os::Fd& context, const char* key) {
  return ::fsconfig(context.get(), FSCONFIG_SET_FLAG, key, nullptr, 0) == 0;
}

bool set_options(const os::Fd& context, const OverlaySpec& spec, const Layers& layers) {
  for (const auto& [key, value] : kFixedOptions)
    if (!set_string(context, key, value)) return false;
  if (spec.userxattr && !set_flag(context, "userxattr")) return false;
  if (!layers.upper) return true;
  if (spec.is_volatile && !set_flag(context, "volatile")) return false;
  return set_path(context, "upperdir", layers.upper) && set_path(context, "workdir", layers.work);
}

Result<void> mount_by_parts(const OverlaySpec& spec, const Layers& layers) {
  const os::Fd context(::fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context) return fail(cant_mount(spec, errno, ""));
  bool done = true;
  for (const os::Fd& lower : layers.lower) done = done && set_path(context, "lowerdir+", lower);
  done = done && set_options(context, spec, layers) &&
         ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0;
  const os::Fd mount(done ? ::fsmount(context.get(), FSMOUNT_CLOEXEC, 0) : -1);
  if (mount && ::move_mount(mount.get(), "", AT_FDCWD, spec.target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0)
    return {};
  const int code = errno;
  return fail(cant_mount(spec, code, kernel_message(context.get())));
}

/// All options as text; directories as descriptor numbers, relative to /proc/self/fd.
std::string option_page(const OverlaySpec& spec, const Layers& layers) {
  std::string options = "lowerdir=";
  for (const os::Fd& lower : layers.lower) {
    if (options.back() != '=') options += ':';
    options += std::to_string(lower.get());
  }
  for (const auto& [key, value] : kFixedOptions) options += fmt::format(",{}={}", key, value);
  if (spec.userxattr) options += ",userxattr";
  if (layers.upper) {
    options += fmt::format(",upperdir={},workdir={}", layers.upper.get(), layers.work.get());
    if (spec.is_volatile) options += ",volatile";
  }
  return options;
}

Result<Mounted> mount_in_one_call(const OverlaySpec& spec, const Layers& layers) {
  const os::Fd target = TRY(open_directory(spec.target));
  const std::string target_path = descriptor_path(target);
  const std::string options = option_page(spec, layers);
  int code = 0;
  // The working directory belongs to the process; a thread may take a copy of it for itself.
  std::thread([&] {
    if (::unshare(CLONE_FS) != 0 || ::chdir("/proc/self/fd") != 0 ||
        ::mount("overlay", target_path.c_str(), "overlay", 0, options.c_str()) != 0)
      code = errno;
  }).join();
  if (code != 0) return fail(cant_mount(spec, code, ""));
  return Mounted(spec.target);
}

}  // namespace

Mounted& Mounted::operator=(Mounted&& other) noexcept {
  std::swap(target_, other.target_);
  return *this;
}

Mounted::~Mounted() {
  // Lazily, as a server thread or a dying process may still hold something open in it; the mount namespace
  // ends with us, so there is nobody to report a failure to.
  if (!target_.empty()) static_cast<void>(::umount2(target_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW));
}

Result<Mounted> mount_overlay(const OverlaySpec& spec) {
  const Layers layers = TRY(open_layers(spec));
  if (!layers.upper && layers.lower.size() == 1) return bind_read_only(spec.target, spec.target);
  auto by_parts = mount_by_parts(spec, layers);
  if (by_parts) return Mounted(spec.target);
  // Kernels that don't know lowerdir+ refuse it in several ways, some only at the end. Where both ways
  // fail, the first has the kernel's own words, if there are any.
  auto at_once = mount_in_one_call(spec, layers);
  if (!at_once && by_parts.error().why.find('(') != std::string::npos)
    return fail(std::move(by_parts).error());
  return at_once;
}

Result<Mounted> mount_overlay_in_one_call(const OverlaySpec& spec) {
  const Layers layers = TRY(open_layers(spec));
  if (!layers.upper && layers.lower.size() == 1) return bind_read_only(spec.target, spec.target);
  return mount_in_one_call(spec, layers);
}

Result<Mounted> bind_read_only(const std::string& source, const std::string& target) {
  const auto cant = [&](int code) {
    Error error = system_error("can't mount " + source + " read-only", target, code);
    error.kind = ErrorKind::kMachine;
    return fail(std::move(error));
  };
  const os::Fd tree(
      ::open_tree(AT_FDCWD, source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
  if (!tree) return cant(errno);
  mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &read_only, sizeof read_only) != 0)
    return cant(errno);
  if (::move_mount(tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return cant(errno);
  return Mounted(target);
}

}  // namespace pgstrata::snapshot
