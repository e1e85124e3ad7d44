#include "signals.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace pg_entrypoint {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

int milliseconds_until(const Deadline& deadline) {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, 60'000));
}

}  // namespace

SignalQueue::SignalQueue() {
  sigset_t blocked;
  sigfillset(&blocked);
  // Raised by a fault of this very program: blocking them would turn a crash into a hang.
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS})
    sigdelset(&blocked, fault);
  if (sigprocmask(SIG_SETMASK, &blocked, &original_) != 0) fail("sigprocmask");
  // A parent may have left SIGCHLD ignored: the kernel would then drop every exit code.
  std::signal(SIGCHLD, SIG_DFL);
  fd_ = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd_ < 0) fail("signalfd");
}

SignalQueue::~SignalQueue() { close(fd_); }

std::optional<int> SignalQueue::next(const Deadline& deadline) {
  for (;;) {
    signalfd_siginfo info{};
    const ssize_t got = read(fd_, &info, sizeof info);
    if (got == static_cast<ssize_t>(sizeof info)) return static_cast<int>(info.ssi_signo);
    if (got < 0 && errno != EAGAIN && errno != EINTR) fail("read from signalfd");
    if (deadline && Clock::now() >= *deadline) return std::nullopt;
    pollfd waiting{fd_, POLLIN, 0};
    if (poll(&waiting, 1, milliseconds_until(deadline)) < 0 && errno != EINTR) fail("poll");
  }
}

bool is_terminal_stop(int signal) { return signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU; }

std::string signal_name(int signal) {
  // glibc knows the names from 2.32 on, which Debian bullseye doesn't have.
  static constexpr std::array<std::pair<int, const char*>, 14> names{{{SIGHUP, "SIGHUP"},
                                                                      {SIGINT, "SIGINT"},
                                                                      {SIGQUIT, "SIGQUIT"},
                                                                      {SIGKILL, "SIGKILL"},
                                                                      {SIGTERM, "SIGTERM"},
                                                                      {SIGUSR1, "SIGUSR1"},
                                                                      {SIGUSR2, "SIGUSR2"},
                                                                      {SIGALRM, "SIGALRM"},
                                                                      {SIGPIPE, "SIGPIPE"},
                                                                      {SIGCHLD, "SIGCHLD"},
                                                                      {SIGCONT, "SIGCONT"},
                                                                      {SIGSTOP, "SIGSTOP"},
                                                                      {SIGTSTP, "SIGTSTP"},
                                                                      {SIGWINCH, "SIGWINCH"}}};
  for (const auto& [number, name] : names) {
    if (number == signal) return name;
  }
  return "signal " + std::to_string(signal);
}

}  // namespace pg_entrypoint
