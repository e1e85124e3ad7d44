#include "os/signals.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace pgstrata::os {
namespace {

/// The kernel's signal set: one bit for each signal, on every architecture but MIPS.
constexpr std::size_t kSetBytes = 8;
constexpr int kSignals = 8 * kSetBytes;

}  // namespace

void reset_signals() {
  // All of the kernel's struct sigaction being zero means SIG_DFL, no flags and an empty mask; it is at
  // most four words long.
  const std::array<unsigned long, 4> defaults{};
  for (int signal = 1; signal <= kSignals; ++signal) {
    // SIGKILL and SIGSTOP fail: they are always at their default.
    static_cast<void>(::syscall(SYS_rt_sigaction, signal, defaults.data(), nullptr, kSetBytes));
  }
  const unsigned long long none = 0;
  static_cast<void>(::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kSetBytes));
}

}  // namespace pgstrata::os
