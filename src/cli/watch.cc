#include "cli/watch.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <utility>

namespace pgstrata::cli {
namespace {

/// Milliseconds without a change that end a burst of them, and after which one that doesn't end is cut off.
constexpr int kQuiet = 10;
constexpr int kBursts = 30;

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set, signal);
  return set;
}

int code_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

}  // namespace

Result<Watch> Watch::open() {
  os::DirectoryWatch directories = TRY(os::DirectoryWatch::open());
  const sigset_t set = watched_signals();
  sigset_t previous;
  ::sigprocmask(SIG_BLOCK, &set, &previous);
  os::Fd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) {
    const int code = errno;
    ::sigprocmask(SIG_SETMASK, &previous, nullptr);
    return fail(system_error("can't wait for signals", "", code));
  }
  return Watch(std::move(signals), std::move(directories), previous);
}

Watch::Watch(os::Fd signals, os::DirectoryWatch directories, const sigset_t& previous)
    : signals_(std::move(signals)), directories_(std::move(directories)), previous_(previous) {}
Watch::Watch(Watch&& other) noexcept = default;

Watch::~Watch() {
  if (signals_) ::sigprocmask(SIG_SETMASK, &previous_, nullptr);
}

Result<void> Watch::start(const std::function<int()>& action) {
  // What is still in our buffers would be written by both.
  static_cast<void>(std::fflush(nullptr));
  const pid_t child = ::fork();
  if (child < 0) return fail(system_error("can't start a process", ""));
  if (child == 0) {
    ::sigprocmask(SIG_SETMASK, &previous_, nullptr);
    const int code = action();
    static_cast<void>(std::fflush(nullptr));
    ::_exit(code);
  }
  child_ = child;
  return {};
}

bool Watch::has_ended() const {
  siginfo_t found{};
  if (child_ <= 0) return true;
  const int code = ::waitid(P_PID, static_cast<id_t>(child_), &found, WEXITED | WNOHANG | WNOWAIT);
  return code != 0 || found.si_pid == child_;
}

Result<std::optional<WatchEvent>> Watch::take_signal() {
  signalfd_siginfo signal{};
  if (::read(signals_.get(), &signal, sizeof signal) != sizeof signal) return std::nullopt;
  if (signal.ssi_signo == SIGCHLD) {
    int status = 0;
    if (child_ <= 0 || ::waitpid(child_, &status, WNOHANG) != child_) return std::nullopt;
    child_ = 0;
    return ChildEnded{code_of(status)};
  }
  // A terminal sends its signals to the child as well.
  if (child_ > 0 && signal.ssi_code != SI_KERNEL) ::kill(child_, static_cast<int>(signal.ssi_signo));
  return Interrupted{};
}

Result<Changed> Watch::settle() {
  Changed first;
  bool known = false;
  for (int i = 0; i < kBursts; ++i) {
    const std::vector<std::string> changed = TRY(directories_.take());
    if (!known && !changed.empty()) first.path = changed.front();
    known = known || !changed.empty();
    pollfd more{.fd = directories_.fd(), .events = POLLIN, .revents = 0};
    if (::poll(&more, 1, kQuiet) <= 0) break;
  }
  return first;
}

Result<WatchEvent> Watch::next() {
  while (true) {
    std::array<pollfd, 2> events{pollfd{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                                 pollfd{.fd = directories_.fd(), .events = POLLIN, .revents = 0}};
    if (::poll(events.data(), events.size(), -1) < 0 && errno != EINTR)
      return fail(system_error("can't wait for changes", ""));
    if (events[0].revents != 0)
      if (auto event = TRY(take_signal())) return *event;
    if (events[1].revents != 0) return TRY(settle());
  }
}

Result<int> Watch::child_end() {
  while (is_running()) {
    const WatchEvent event = TRY(next());
    if (const auto* ended = std::get_if<ChildEnded>(&event)) return ended->code;
  }
  return 0;
}

}  // namespace pgstrata::cli
