#include "cli/interrupts.h"

#include <pthread.h>

namespace pgstrata::cli {
namespace {

sigset_t watched() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&set, signal);
  return set;
}

}  // namespace

Interrupts::Interrupts(std::stop_source& source) {
  const sigset_t set = watched();
  pthread_sigmask(SIG_BLOCK, &set, &previous_);
  waiter_ = std::jthread([&source](const std::stop_token& done) {
    const sigset_t signals = watched();
    while (!done.stop_requested()) {
      int signal = 0;
      // SIGUSR1 is the destructor's way to wake this thread.
      if (sigwait(&signals, &signal) == 0 && signal != SIGUSR1) source.request_stop();
    }
  });
}

Interrupts::~Interrupts() {
  waiter_.request_stop();
  pthread_kill(waiter_.native_handle(), SIGUSR1);
  waiter_.join();
  pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
}

}  // namespace pgstrata::cli
