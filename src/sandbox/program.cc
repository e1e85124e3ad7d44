#include "sandbox/program.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "os/signals.h"
#include "sandbox/capabilities.h"
#include "sandbox/proc.h"

namespace pgstrata::sandbox {
namespace {

[[noreturn]] void give_up(const ProgramPlan& plan, Step step) {
  send_report(plan.report, {.failed = step, .error = errno, .status = 0});
  ::_exit(1);
}

void check(const ProgramPlan& plan, Step step, bool done) {
  if (!done) give_up(plan, step);
}

bool pivot(int root) {
  if (::fchdir(root) != 0) return false;
  // Both arguments "." (pivot_root(2), "pivot_root(".", ".")"): the old root lands on top of the new
  // one, and needs no directory of its own to be put on.
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return false;
  return ::umount2(".", MNT_DETACH) == 0 && ::chdir("/") == 0;
}

bool connect_streams(const ProgramPlan& plan) {
  // Their numbers are above 2 (launcher.cc sees to it), so no dup2 can close one still needed.
  if (::dup2(plan.null, 0) != 0 || ::dup2(plan.stdout_pipe, 1) != 1 || ::dup2(plan.stderr_pipe, 2) != 2)
    return false;
  // The report pipe must survive until execve; this flag is for all others as well.
  return ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) == 0;
}

/// Not via the C library: its setgroups, setresgid and setresuid would try to change the threads that
/// this process is a copy of.
bool become_user_step(const ProgramPlan& plan, Step* step) {
  *step = Step::kGroups;
  if (plan.can_set_groups && ::syscall(SYS_setgroups, plan.groups.size(), plan.groups.data()) != 0)
    return false;
  *step = Step::kGroup;
  if (::syscall(SYS_setresgid, plan.gid, plan.gid, plan.gid) != 0) return false;
  *step = Step::kUser;
  return ::syscall(SYS_setresuid, plan.uid, plan.uid, plan.uid) == 0;
}

void say(std::string_view text) { static_cast<void>(!::write(2, text.data(), text.size())); }

[[noreturn]] void execute(const ProgramPlan& plan) {
  int reason = ENOENT;
  for (const char* path : plan.candidate_pointers) {
    ::execve(path, plan.argv.data(), plan.env.data());
    if (errno == ENOENT || errno == ENOTDIR) continue;
    reason = errno;
    if (reason != EACCES) break;  // EACCES: as a shell does, go on looking for one that may be run
  }
  if (reason == ENOENT) {
    say(plan.not_found);
    ::_exit(127);
  }
  say(plan.not_runnable);
  const char* text = ::strerrordesc_np(reason);  // a constant string: no locale, no allocation
  say(text != nullptr ? text : "unknown error");
  say("\n");
  ::_exit(126);
}

}  // namespace

const char* describe(Step step) {
  switch (step) {
    case Step::kNone:
      return "nothing";
    case Step::kOuterProcess:
      return "tie the sandbox to the life of pgstrata";
    case Step::kProgramProcess:
      return "create a PID namespace";
    case Step::kMountProc:
      return "mount /proc";
    case Step::kMaskProc:
      return "hide parts of /proc";
    case Step::kPivotRoot:
      return "change the root directory";
    case Step::kWorkingDirectory:
      return "enter the working directory";
    case Step::kStandardStreams:
      return "connect the program's streams";
    case Step::kLimits:
      return "set its resource limits";
    case Step::kBoundingSet:
      return "limit the capabilities";
    case Step::kFilter:
      return "install the system call filter";
    case Step::kGroups:
      return "set the supplementary groups";
    case Step::kGroup:
      return "set the group id";
    case Step::kUser:
      return "set the user id";
    case Step::kCapabilities:
      return "set the capabilities";
  }
  return "start the program";
}

void send_report(int fd, const Report& report) { static_cast<void>(!::write(fd, &report, sizeof report)); }

void become_program(const ProgramPlan& plan) {
  ::setsid();
  const int proc = mount_proc(plan.proc);
  check(plan, Step::kMountProc, proc >= 0);
  check(plan, Step::kMaskProc, plan.insecure || mask_proc(proc, plan.null));
  check(plan, Step::kPivotRoot, pivot(plan.root));
  check(plan, Step::kWorkingDirectory, ::chdir(plan.cwd.c_str()) == 0);
  check(plan, Step::kStandardStreams, connect_streams(plan));
  ::umask(022);
  for (const Limit& limit : plan.limits) {
    const rlimit value = {.rlim_cur = limit.soft, .rlim_max = limit.hard};
    check(plan, Step::kLimits,
          ::prlimit(0, static_cast<__rlimit_resource>(limit.resource), &value, nullptr) == 0);
  }
  // A session keyring of its own, so that nothing looks into the caller's. Fails where the kernel has no
  // keys or the quota is used up, and does no harm then.
  static_cast<void>(::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr));
  check(plan, Step::kBoundingSet, plan.insecure || limit_bounding_set() == 0);
  // Now, while CAP_SYS_ADMIN is held: later it would want no_new_privs, which breaks sudo (seccomp(2),
  // EACCES).
  check(plan, Step::kFilter, ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &plan.filter_program) == 0);
  Step step = Step::kNone;
  if (plan.insecure) check(plan, Step::kCapabilities, ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0);
  if (!become_user_step(plan, &step)) give_up(plan, step);
  const int set = plan.insecure ? keep_all_capabilities() : set_capabilities(plan.uid == 0);
  check(plan, Step::kCapabilities, set == 0);
  os::reset_signals();
  execute(plan);
}

}  // namespace pgstrata::sandbox
