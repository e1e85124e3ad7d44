#include "sandbox/fork.h"

#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

namespace pgstrata::sandbox {

pid_t fork_into_pid_namespace(int* pidfd) {
  // Not fork(): its handlers take malloc's lock and others. No shared memory either: both sides go on.
  clone_args args{};
  args.flags = CLONE_NEWPID | CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
  args.pidfd = reinterpret_cast<std::uint64_t>(pidfd);
  args.exit_signal = SIGCHLD;
  return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
}

pid_t vfork_into_pid_namespace(int (*body)(void*), void* argument, std::span<std::byte> stack, int* pidfd) {
  std::byte* const top =
      stack.data() + stack.size();  // it grows downwards everywhere that Linux still runs
  return ::clone(body, top, CLONE_VM | CLONE_VFORK | CLONE_NEWPID | CLONE_PIDFD | SIGCHLD, argument, pidfd);
}

}  // namespace pgstrata::sandbox
