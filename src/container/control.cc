#include "container/control.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

#include "container/monitor.h"

namespace pgstrata::container {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAfterKill{
    10000};  ///< for a monitor to write the last state, or remove the directory

Result<os::Fd> open_monitor(const Container& container) {
  const auto* running = std::get_if<Running>(&container.state);
  auto monitor = running != nullptr ? open_process(running->monitor) : std::nullopt;
  if (monitor) return std::move(*monitor);
  return fail(
      {.kind = ErrorKind::kUsage, .what = "the container isn't running", .where = container.record.name});
}

Result<void> queue(int pidfd, int number) {
  siginfo_t info{};
  info.si_signo = forward_signal();
  info.si_code = SI_QUEUE;
  info.si_pid = ::getpid();
  info.si_uid = ::getuid();
  info.si_value.sival_int = number;
  if (::syscall(SYS_pidfd_send_signal, pidfd, forward_signal(), &info, 0) == 0 || errno == ESRCH) return {};
  return fail(system_error("can't signal the container", ""));
}

bool has_ended(int pidfd, milliseconds within) {
  pollfd process{.fd = pidfd, .events = POLLIN, .revents = 0};
  const auto deadline = std::chrono::steady_clock::now() + within;
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = ::poll(&process, 1, std::max(0, static_cast<int>(left.count())));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

}  // namespace

void forward_to(pid_t monitor, int number) {
  static_cast<void>(::sigqueue(monitor, forward_signal(), sigval{.sival_int = number}));
}

Result<void> send_signal(const Container& container, int number) {
  const os::Fd monitor = TRY(open_monitor(container));
  return queue(monitor.get(), number);
}

Result<void> stop(const Container& container, std::chrono::seconds grace, std::optional<int> signal) {
  if (!std::holds_alternative<Running>(container.state)) return {};
  const auto monitor = open_monitor(container);
  if (!monitor) return {};
  TRY_VOID(queue(monitor->get(), signal.value_or(container.record.stop_signal)));
  if (has_ended(monitor->get(), grace)) return {};
  TRY_VOID(queue(monitor->get(), SIGKILL));
  if (has_ended(monitor->get(), kAfterKill)) return {};
  // It doesn't do its work any more (stopped in a debugger, say); the kernel does it.
  if (::syscall(SYS_pidfd_send_signal, monitor->get(), SIGKILL, nullptr, 0) != 0 && errno != ESRCH)
    return fail(system_error("can't kill the container's monitor", container.record.name));
  if (has_ended(monitor->get(), kAfterKill)) return {};
  return fail({.kind = ErrorKind::kIo,
               .what = "the container doesn't end",
               .where = container.record.name,
               .why = "a process hangs in the kernel"});
}

}  // namespace pgstrata::container
