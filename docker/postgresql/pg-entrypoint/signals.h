// Signals as a queue: blocked for the whole life of the process and read one at a time.
#pragma once
#include <chrono>
#include <csignal>
#include <optional>
#include <string>

namespace pg_entrypoint {

using Clock = std::chrono::steady_clock;
using Deadline = std::optional<Clock::time_point>;  // nothing: wait for ever

/// Made first of all, before anything that a signal could interrupt half-way. Not copyable: one per
/// process.
class SignalQueue {
 public:
  /// Blocks every signal that isn't a fault of the program itself. Throws std::system_error.
  SignalQueue();
  ~SignalQueue();
  SignalQueue(const SignalQueue&) = delete;
  SignalQueue& operator=(const SignalQueue&) = delete;

  /// The next signal, or nothing once `deadline` has passed.
  std::optional<int> next(const Deadline& deadline);

  /// The next signal if one has come, without waiting.
  std::optional<int> take() { return next(Clock::time_point::min()); }

  /// Readable when a signal has come.
  int fd() const { return fd_; }

  /// The mask the process was started with: children get it back.
  const sigset_t& original_mask() const { return original_; }

 private:
  sigset_t original_{};
  int fd_ = -1;
};

/// Stops from a terminal are for the foreground group, which gets them from the kernel.
bool is_terminal_stop(int signal);

/// "SIGTERM" and the like.
std::string signal_name(int signal);

}  // namespace pg_entrypoint
