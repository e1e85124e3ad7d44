// The duty of PID 1: every process that ends below it is collected, its own children and adopted orphans
// alike.
#pragma once
#include <sys/types.h>

#include <optional>

namespace pg_entrypoint {

/// Makes orphans come to this process also when it isn't PID 1 (under --init, in tests).
void become_reaper();

/// Collects all that has ended, without waiting. Returns the wait status of `watched` if it was among them.
std::optional<int> reap(pid_t watched);

/// Kills and collects whatever still runs below this process. Returns how many processes had to be killed.
int end_strays();

/// A wait status as a shell's exit code: the code itself, or 128 + signal.
int exit_code_of(int wait_status);

}  // namespace pg_entrypoint
