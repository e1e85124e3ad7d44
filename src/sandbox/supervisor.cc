#include "sandbox/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "os/file.h"
#include "sandbox/fork.h"
#include "sandbox/init.h"
#include "sandbox/network.h"
#include "sandbox/plan.h"
#include "sandbox/program.h"
#include "sandbox/read_watch.h"
#include "sandbox/root_filesystem.h"
#include "sandbox/target.h"

namespace pgstrata::sandbox {
namespace {

constexpr int kPatienceMs = 2000;  ///< between SIGTERM and SIGKILL

struct Pipe {
  os::Fd read;
  os::Fd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(system_error("can't create a pipe", ""));
  return Pipe{.read = os::Fd(ends[0]), .write = os::Fd(ends[1])};
}

/// Where pgstrata itself was started without stdin, stdout or stderr, new descriptors get their numbers,
/// and connecting the program's streams would close them.
Result<os::Fd> above_streams(os::Fd fd) {
  if (fd.get() > 2) return fd;
  os::Fd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
  if (!moved) return fail(system_error("can't duplicate a descriptor", ""));
  return moved;
}

/// The calling thread in a mount namespace of its own, until the end of the scope. Going back matters:
/// pthread_join returns before the kernel has let go of a thread's namespaces, but a process can be waited
/// for only afterwards. So the last one to hold the sandbox's mounts must be the sandbox's process.
class PrivateNamespaces {
 public:
  static Result<PrivateNamespaces> enter(bool own_network) {
    os::Fd back = TRY(os::open("/proc/thread-self/ns/mnt", O_RDONLY));
    const int flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | (own_network ? CLONE_NEWNET : 0);
    // A kernel without control groups doesn't know that flag.
    if (::unshare(flags | CLONE_NEWCGROUP) != 0 && (errno != EINVAL || ::unshare(flags) != 0))
      return fail({.kind = ErrorKind::kMachine,
                   .what = "can't create the namespaces of a sandbox",
                   .why = ::strerrordesc_np(errno),
                   .next = errno == ENOSPC ? "raise the sysctls below user.max_*_namespaces" : ""});
    ::umask(0);  // this thread's own from here on; modes given to mkdir and mknod are meant as they stand
    return PrivateNamespaces(std::move(back));
  }
  PrivateNamespaces(PrivateNamespaces&&) noexcept = default;
  PrivateNamespaces& operator=(PrivateNamespaces&&) = delete;
  PrivateNamespaces(const PrivateNamespaces&) = delete;
  PrivateNamespaces& operator=(const PrivateNamespaces&) = delete;
  ~PrivateNamespaces() {
    if (back_) static_cast<void>(::setns(back_.get(), CLONE_NEWNS));
  }

 private:
  explicit PrivateNamespaces(os::Fd back) : back_(std::move(back)) {}
  os::Fd back_;
};

/// A started sandbox, as far as this side holds on to it.
struct Running {
  os::Fd process;   ///< pidfd of the outer process
  os::Fd lifeline;  ///< write end: the sandbox dies when it is closed
  os::Fd report;    ///< read end
  os::Fd names;     ///< while open, reads of /etc/resolv.conf are watched; none without one
};

Result<os::Fd> fork_outer_process(const ProgramPlan& plan) {
  std::vector<int> keep = {plan.root,        plan.proc,     plan.null,  plan.stdout_pipe,
                           plan.stderr_pipe, plan.lifeline, plan.report};
  std::sort(keep.begin(), keep.end());
  int process = -1;
  const pid_t pid = fork_into_pid_namespace(&process);
  if (pid == 0) run_outer_process(plan, keep);
  if (pid < 0) {
    Error error = system_error("can't create the process of a sandbox", "");
    error.kind = ErrorKind::kMachine;
    return fail(std::move(error));
  }
  return os::Fd(process);
}

/// /dev/stdout and /dev/stderr lead to these pipes: opening them as USER needs owning them.
void give_to_user(const Channels& channels, const ProcessSpec& spec) {
  static_cast<void>(::fchown(channels.stdout_write.get(), spec.uid, spec.gid));
  static_cast<void>(::fchown(channels.stderr_write.get(), spec.uid, spec.gid));
}

Result<Running> start(const ProcessSpec& spec, const Channels& channels, Stubs& stubs) {
  const PrivateNamespaces namespaces = TRY(PrivateNamespaces::enter(!spec.host_network));
  if (::sethostname(spec.hostname.data(), spec.hostname.size()) != 0)
    return fail(system_error("can't set the host name", spec.hostname));
  if (!spec.host_network) TRY_VOID(bring_up_loopback());

  RootFilesystem files = TRY(build_root_filesystem(spec, stubs));
  files.null = TRY(above_streams(std::move(files.null)));
  Pipe lifeline = TRY(make_pipe());
  Pipe report = TRY(make_pipe());
  report.write = TRY(above_streams(std::move(report.write)));
  give_to_user(channels, spec);

  ProgramPlan plan;
  TRY_VOID(fill_plan(spec, plan));
  plan.root = files.root.get();
  plan.proc = files.proc.get();
  plan.null = files.null.get();
  plan.stdout_pipe = channels.stdout_write.get();
  plan.stderr_pipe = channels.stderr_write.get();
  plan.lifeline = lifeline.read.get();
  plan.report = report.write.get();
  os::Fd process = TRY(fork_outer_process(plan));
  return Running{.process = std::move(process),
                 .lifeline = std::move(lifeline.write),
                 .report = std::move(report.read),
                 .names = std::move(files.resolv_conf_reads)};
}

bool wait_readable(int fd, int timeout_ms) {
  pollfd poll{.fd = fd, .events = POLLIN, .revents = 0};
  for (;;) {
    const int count = ::poll(&poll, 1, timeout_ms);
    if (count >= 0) return count > 0;
  }
}

/// Waits until the sandbox has ended. True if it was asked to stop before.
bool wait_for_end(const Running& running, int stop) {
  std::array<pollfd, 2> polls{{{.fd = running.process.get(), .events = POLLIN, .revents = 0},
                               {.fd = stop, .events = POLLIN, .revents = 0}}};
  while (::poll(polls.data(), polls.size(), -1) < 0) continue;
  const bool stopped = polls[0].revents == 0;
  if (stopped) {
    static_cast<void>(!::write(running.lifeline.get(), &kTerminate, 1));
    if (!wait_readable(running.process.get(), kPatienceMs))
      ::syscall(SYS_pidfd_send_signal, running.process.get(), SIGKILL, nullptr, 0);
  }
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(running.process.get()), &info, WEXITED) != 0 && errno == EINTR)
    continue;
  return stopped;
}

Error step_error(const Report& report, const ProcessSpec& spec) {
  Error error{.kind = ErrorKind::kMachine,
              .what = fmt::format("can't {} in the sandbox", describe(report.failed)),
              .why = ::strerrordesc_np(report.error)};
  if (report.failed == Step::kWorkingDirectory) {
    error.kind = ErrorKind::kBuildFailed;
    error.where = spec.cwd;
  } else if (report.failed == Step::kMountProc && report.error == EPERM) {
    error.next =
        "in a container, start it with --security-opt systempaths=unconfined: the kernel gives "
        "a new /proc only to those who see all of the present one";
  } else if (report.error == EINVAL && report.failed >= Step::kGroups && report.failed <= Step::kUser) {
    error.why =
        fmt::format("an id of {}:{} is beyond the range in /etc/subuid or /etc/subgid", spec.uid, spec.gid);
    error.next = "enlarge the range with usermod --add-subuids and --add-subgids";
  }
  return error;
}

Result<Ended> result_of(const Running& running, const ProcessSpec& spec) {
  Report report;
  if (::read(running.report.get(), &report, sizeof report) != sizeof report)
    return fail(
        {.kind = ErrorKind::kMachine,
         .what = "the sandbox was killed from outside",
         .why = "its first process ended without a report; the kernel's out-of-memory killer does that",
         .next = "look for it in the kernel's log (dmesg)"});
  if (report.failed != Step::kNone) return fail(step_error(report, spec));
  Ended ended{.looked_up_names = running.names && was_read()};
  if (WIFSIGNALED(report.status))
    ended.status = Signalled{WTERMSIG(report.status)};
  else
    ended.status = Exited{WEXITSTATUS(report.status)};
  return ended;
}

}  // namespace

Result<Ended> supervise(const ProcessSpec& spec, Channels channels) {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all,
                    nullptr);  // signals are for pgstrata's other threads, not for the fork
  channels.stdout_write = TRY(above_streams(std::move(channels.stdout_write)));
  channels.stderr_write = TRY(above_streams(std::move(channels.stderr_write)));

  Stubs stubs;
  const auto running = start(spec, channels, stubs);
  channels.stdout_write.reset();
  channels.stderr_write.reset();
  if (!running) {
    stubs.remove();
    return fail(running.error());
  }
  const bool stopped = wait_for_end(*running, channels.stop.get());
  stubs.remove();
  if (stopped) return fail({.kind = ErrorKind::kCancelled, .what = "the step was stopped"});
  return result_of(*running, spec);
}

}  // namespace pgstrata::sandbox
