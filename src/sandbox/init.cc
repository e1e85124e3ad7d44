#include "sandbox/init.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>

#include "sandbox/fork.h"

namespace pgstrata::sandbox {
namespace {

void close_all_but(const std::vector<int>& keep) {
  unsigned next = 0;
  for (const int fd : keep) {
    const auto kept = static_cast<unsigned>(fd);
    if (kept > next) static_cast<void>(::syscall(SYS_close_range, next, kept - 1, 0U));
    next = kept + 1;
  }
  static_cast<void>(::syscall(SYS_close_range, next, ~0U, 0U));
}

/// True once pgstrata has gone. The pipe also tells of a death before prctl took effect, where
/// PR_SET_PDEATHSIG would wait for ever (getppid() can't help: it is 0 across PID namespaces).
bool orphaned(int lifeline) {
  pollfd poll{.fd = lifeline, .events = 0, .revents = 0};
  return ::poll(&poll, 1, 0) != 0 && (poll.revents & (POLLHUP | POLLERR)) != 0;
}

/// SIGTERM to the whole tree, as Ctrl-C in a terminal reaches all of it. A shell as PID 1 has no handler,
/// and would ignore the signal alone; with its child gone it ends.
bool obey(int lifeline) {
  char command = 0;
  const ssize_t size = ::read(lifeline, &command, 1);
  if (size == 0) return false;
  if (size == 1 && command == kTerminate) ::kill(-1, SIGTERM);
  return true;
}

/// pgstrata's memory was copied once for this process; a second copy for the short way to execve would cost
/// as much again (4 ms with 64 MB). Sharing it is safe: this process sleeps, and has no other thread.
pid_t start_program(const ProgramPlan& plan, int* pidfd) {
  alignas(64) std::array<std::byte, size_t{64} << 10> stack;
  const auto body = [](void* argument) -> int {
    become_program(*static_cast<const ProgramPlan*>(argument));
  };
  return vfork_into_pid_namespace(body, const_cast<ProgramPlan*>(&plan), stack, pidfd);
}

int wait_for(pid_t program) {
  int status = 0;
  while (::wait4(program, &status, 0, nullptr) < 0 && errno == EINTR) continue;
  return status;
}

}  // namespace

void run_outer_process(const ProgramPlan& plan, const std::vector<int>& keep) {
  close_all_but(keep);
  ::setsid();  // a SIGKILL to pgstrata's process group is not ours
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
    send_report(plan.report, {.failed = Step::kOuterProcess, .error = errno, .status = 0});
    ::_exit(1);
  }
  if (orphaned(plan.lifeline)) ::_exit(1);

  int program_fd = -1;
  const pid_t program = start_program(plan, &program_fd);
  if (program < 0) {
    send_report(plan.report, {.failed = Step::kProgramProcess, .error = errno, .status = 0});
    ::_exit(1);
  }

  std::array<pollfd, 2> polls{{{.fd = program_fd, .events = POLLIN, .revents = 0},
                               {.fd = plan.lifeline, .events = POLLIN, .revents = 0}}};
  while ((polls[0].revents & POLLIN) == 0) {
    if (::poll(polls.data(), polls.size(), -1) < 0) continue;
    if (polls[1].revents != 0 && !obey(plan.lifeline)) ::_exit(1);
  }
  // A program that failed before execve has sent a report; this second one is then not read.
  send_report(plan.report, {.failed = Step::kNone, .error = 0, .status = wait_for(program)});
  ::_exit(0);
}

}  // namespace pgstrata::sandbox
