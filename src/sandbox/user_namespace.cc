#include "sandbox/user_namespace.h"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <string>
#include <utility>

#include "os/file.h"
#include "sandbox/id_map.h"

namespace pgstrata::sandbox {
namespace {

/// The namespaces belong to the process, and so does this note about them. Written once, while it has one
/// thread.
struct Entered {
  bool done = false;
  bool rootless = false;
  std::optional<Error> missing_ids;
};
Entered entered;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

bool sysctl_is(const std::string& path, std::string_view value) {
  const auto text = os::read_file("/proc/sys/" + path);
  return text && *text == std::string(value) + "\n";
}

Error no_user_namespace(int code) {
  Error error{.kind = ErrorKind::kMachine,
              .what = "can't create a user namespace, which a plain user needs to run steps",
              .why = ::strerrordesc_np(code)};
  if (sysctl_is("kernel/unprivileged_userns_clone", "0"))
    error.next =
        "sudo sysctl kernel.unprivileged_userns_clone=1 (and in /etc/sysctl.d to keep it), or run as root";
  else if (sysctl_is("user/max_user_namespaces", "0") || code == ENOSPC)
    error.next =
        "sudo sysctl user.max_user_namespaces=15000 (and in /etc/sysctl.d to keep it), or run as root";
  else if (code == EUSERS)
    error.next = "user namespaces are nested too deeply here: run pgstrata further outside";
  else if (code == EINVAL)
    error.next = "the kernel has no user namespaces (CONFIG_USER_NS): run as root";
  else
    error.next =
        "in a container, allow it with --security-opt seccomp=unconfined; in a chroot it isn't possible; "
        "or run as root";
  return error;
}

Error no_mounts(int code) {
  Error error{.kind = ErrorKind::kMachine,
              .what = "can't mount in a namespace of our own",
              .why = ::strerrordesc_np(code)};
  // Ubuntu 23.10 and newer let anybody create a user namespace, but without the rights in it.
  if (sysctl_is("kernel/apparmor_restrict_unprivileged_userns", "1"))
    error.next =
        "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile that "
        "allows userns for pgstrata";
  else
    error.next = "a security module forbids it: see the kernel's log (dmesg)";
  return error;
}

Error no_privilege(int code) {
  return {
      .kind = ErrorKind::kMachine,
      .what = "can't create a mount namespace, although we are root",
      .why =
          std::string(::strerrordesc_np(code)) + ": CAP_SYS_ADMIN is missing, as in an ordinary container",
      .next =
          "start the container with --privileged, or with --cap-add SYS_ADMIN --security-opt "
          "seccomp=unconfined --security-opt apparmor=unconfined; or run as a plain user outside of it"};
}

Result<void> make_mounts_private() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return fail(no_mounts(errno));
  return {};
}

/// How many ids a map of ours (/proc/self/uid_map) covers.
std::uint64_t mapped_ids(const std::string& path) {
  const auto text = os::read_file(path);
  std::istringstream lines(text ? *text : "");
  std::uint64_t total = 0;
  for (std::uint64_t inside = 0, outside = 0, count = 0; lines >> inside >> outside >> count;)
    total += count;
  return total;
}

Result<void> enter_as_root() {
  if (::unshare(CLONE_NEWNS) != 0) return fail(no_privilege(errno));
  TRY_VOID(make_mounts_private());
  // Only the first user namespace maps every id there is.
  const std::uint64_t ids = mapped_ids("/proc/self/uid_map");
  entered.rootless = ids < UINT32_MAX;
  if (ids == 1)
    entered.missing_ids = Error{.kind = ErrorKind::kMachine,
                                .what = "only one user id can be used in steps",
                                .where = "/proc/self/uid_map",
                                .why = "the user namespace that pgstrata was started in maps no other",
                                .next = "start pgstrata outside of it, or with a whole range of ids"};
  return {};
}

Result<void> unshare_user() {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return fail(no_user_namespace(errno));
  return {};
}

/// Maps all that this user may map, or at least the user.
Result<void> create_user_namespace(uid_t uid, gid_t gid) {
  const auto full = find_full_map(uid, gid);
  if (!full) {
    TRY_VOID(unshare_user());
    TRY_VOID(write_single_map(uid, gid));
    entered.missing_ids = full.error();
    return {};
  }
  MapHelper helper = TRY(MapHelper::start(*full));
  TRY_VOID(unshare_user());
  return helper.finish();
}

Result<void> enter_as_user() {
  TRY_VOID(create_user_namespace(::geteuid(), ::getegid()));
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
    return fail(system_error("can't become root of the user namespace", ""));
  TRY_VOID(make_mounts_private());
  entered.rootless = true;
  return {};
}

}  // namespace

Result<void> enter_namespaces() {
  if (entered.done) return {};
  if (::geteuid() == 0)
    TRY_VOID(enter_as_root());
  else
    TRY_VOID(enter_as_user());
  entered.done = true;
  return {};
}

bool is_rootless() { return entered.rootless; }

bool is_root_of_machine() {
  return ::geteuid() == 0 && !entered.rootless && mapped_ids("/proc/self/uid_map") >= UINT32_MAX;
}

std::optional<Error> missing_ids() { return entered.missing_ids; }

}  // namespace pgstrata::sandbox
