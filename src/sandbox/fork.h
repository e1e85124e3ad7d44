// fork and vfork, as the sandbox needs them.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>

namespace pgstrata::sandbox {

/// Forks; the child is the first process of a new PID namespace, with no signal handlers (ignored signals
/// stay ignored). 0 in the child; in the parent its pid, and in *pidfd a descriptor of it. -1 with errno.
pid_t fork_into_pid_namespace(int* pidfd);

/// The same without copying memory: `body(argument)` runs on `stack`, and the caller sleeps until the child
/// has executed a program or ended. Signal handlers are inherited. Only for a process with a single thread.
pid_t vfork_into_pid_namespace(int (*body)(void*), void* argument, std::span<std::byte> stack, int* pidfd);

}  // namespace pgstrata::sandbox
