// The duty of PID 1: every process that ends below it is collected, its own children and adopted orphans
// alike.
#pragma once
#include <sys/types.h>

#include <set>
#include <vector>

namespace pg_entrypoint {

/// Makes orphans come to this process also when it isn't PID 1 (under --init, in tests).
void become_reaper();

struct EndedProcess {
  pid_t pid = 0;
  int wait_status = 0;
};

/// Collects all that has ended, without waiting.
std::vector<EndedProcess> reap();

/// Kills and collects whatever runs below this process, but for `spared`. Returns how many processes had to
/// be killed.
int end_strays(const std::set<pid_t>& spared = {});

/// A wait status as a shell's exit code: the code itself, or 128 + signal.
int exit_code_of(int wait_status);

}  // namespace pg_entrypoint
