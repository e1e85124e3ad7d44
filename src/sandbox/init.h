// The process between pgstrata and the program.
//
//   pgstrata, thread of run() ── outer process: PID 1 of a PID namespace ── program: PID 1 of the next one
//
// The program must be PID 1 of its namespace, as under BuildKit. But then nothing of ours ties its life to
// pgstrata's: PR_SET_PDEATHSIG is cleared when a setuid program is executed (`RUN ["sudo", …]`). So there
// is a PID namespace around it whose first process executes nothing, and when that one ends, however,
// the kernel kills all that is in it.
#pragma once

#include "sandbox/program.h"

namespace pgstrata::sandbox {

/// Bytes sent down the lifeline.
inline constexpr char kTerminate = 'T';

/// The outer process, right after the fork. Starts the program, waits for it, reports how it ended. A
/// kTerminate on the lifeline sends SIGTERM to every process; its end of file kills all.
/// `keep` are the descriptors needed here and later, sorted; all others are closed first.
[[noreturn]] void run_outer_process(const ProgramPlan& plan, const std::vector<int>& keep);

}  // namespace pgstrata::sandbox
