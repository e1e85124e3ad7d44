// SIGINT, SIGTERM and SIGHUP as a stop request, while something is under way that has to be ended in order.
#pragma once

#include <csignal>
#include <stop_token>
#include <thread>

namespace pgstrata::cli {

/// As long as it lives, the signals request a stop at `source` instead of ending the process; a thread
/// waits for them. When it goes, the thread is joined and the signals are as they were: the process
/// can be single-threaded again.
class Interrupts {
 public:
  explicit Interrupts(std::stop_source& source);
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

 private:
  sigset_t previous_{};
  std::jthread waiter_;
};

}  // namespace pgstrata::cli
