#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <optional>

#include "container/control.h"
#include "container/start.h"
#include "container/terminal.h"
#include "os/file.h"

namespace pgstrata::container {

Result<Started> launch(Prepared prepared) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(system_error("can't make a pipe", ""));
  const os::Fd read_end(ends[0]);
  os::Fd write_end(ends[1]);
  // Blocked from here on: the monitor reads them from a descriptor, and attend() waits for them.
  sigset_t all;
  sigfillset(&all);
  if (::sigprocmask(SIG_SETMASK, &all, nullptr) != 0) return fail(system_error("can't block signals", ""));
  if (::unshare(CLONE_NEWPID) != 0) return fail(system_error("can't make a PID namespace", ""));
  const bool terminal = prepared.plan.terminal && !prepared.plan.detached;
  const pid_t child = ::fork();
  if (child < 0) return fail(system_error("can't start the container's monitor", ""));
  if (child == 0) run_monitor(std::move(prepared.plan), write_end.release());
  write_end.reset();
  const std::string text = TRY(os::read_all(read_end.get(), "report"));
  return Started{.monitor = child, .terminal = terminal, .report = report_from_text(text)};
}

int attend(const Started& started) {
  std::optional<RawTerminal> raw;
  if (started.terminal) raw.emplace();
  sigset_t all;
  sigfillset(&all);
  // Suspending is between the person and us.
  for (const int number : {SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE}) sigdelset(&all, number);
  static_cast<void>(::sigprocmask(SIG_SETMASK, &all, nullptr));
  for (;;) {
    int status = 0;
    if (::waitpid(started.monitor, &status, WNOHANG) == started.monitor)
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    siginfo_t info{};
    const int number = ::sigwaitinfo(&all, &info);
    if (number <= 0 || number == SIGCHLD) continue;
    if (number == SIGWINCH)
      static_cast<void>(::kill(started.monitor, SIGWINCH));
    else
      forward_to(started.monitor, number);
  }
}

}  // namespace pgstrata::container
