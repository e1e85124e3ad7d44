#include "supervisor.h"

#include <cerrno>
#include <cstring>
#include <optional>

#include "exit_code.h"
#include "log.h"
#include "reaper.h"

namespace pg_entrypoint {
namespace {

/// The state of a stop: which rung was taken last and when the next one is due.
class Stop {
 public:
  Stop(const StopPolicy& policy, pid_t pid, std::string name)
      : policy_(policy), pid_(pid), name_(std::move(name)) {}

  const Deadline& deadline() const { return deadline_; }
  int first_signal() const { return first_signal_; }

  void asked(int signal) {
    if (first_signal_ == 0) first_signal_ = signal;
    log(Level::kInfo, "received " + signal_name(signal));
    advance();
  }

  void patience_passed() {
    log(Level::kWarning, name_ + " has not stopped in time");
    advance();
  }

  /// To the child itself, or to all its scripts' processes.
  void send(int signal) const { kill(policy_.whole_group ? -pid_ : pid_, signal); }

 private:
  void advance() {
    deadline_.reset();
    if (next_ == policy_.steps.size()) return;  // SIGKILL is out: only the kernel can be slow now
    const StopStep& step = policy_.steps[next_++];
    log(Level::kInfo, "stopping " + name_ + ": " + step.meaning + " (" + signal_name(step.signal) + ")");
    send(step.signal);
    if (next_ < policy_.steps.size()) deadline_ = Clock::now() + step.patience;
  }

  const StopPolicy& policy_;
  pid_t pid_;
  std::string name_;
  std::size_t next_ = 0;
  Deadline deadline_;
  int first_signal_ = 0;
};

bool asks_for_stop(int signal) { return signal == SIGTERM || signal == SIGINT; }

Outcome not_started(const Command& command, int error) {
  log(Level::kError, "cannot execute '" + command.argv.front() + "': " + std::strerror(error) + "; " +
                         start_remedy(error));
  return {error == ENOENT ? exit_code::kNotFound : exit_code::kNotExecutable, 0};
}

void clear_strays() {
  const int killed = end_strays();
  if (killed > 0)
    log(Level::kDebug, "ended " + std::to_string(killed) + " processes that were left behind");
}

}  // namespace

Outcome supervise(const Command& command, const StopPolicy& policy, SignalQueue& signals) {
  const Started child = start(command, signals.original_mask());
  if (child.exec_errno != 0) return not_started(command, child.exec_errno);

  Stop stop(policy, child.pid, command.argv.front());
  for (;;) {
    const std::optional<int> signal = signals.next(stop.deadline());
    if (!signal) {
      stop.patience_passed();
    } else if (*signal == SIGCHLD) {
      for (const EndedProcess& ended : reap()) {
        if (ended.pid != child.pid) continue;
        clear_strays();
        return {exit_code_of(ended.wait_status), stop.first_signal()};
      }
    } else if (asks_for_stop(*signal) && !policy.steps.empty()) {
      stop.asked(*signal);
    } else if (!is_terminal_stop(*signal)) {
      log(Level::kDebug, "forwarding " + signal_name(*signal) + " to " + command.argv.front());
      stop.send(*signal);
    }
  }
}

}  // namespace pg_entrypoint
