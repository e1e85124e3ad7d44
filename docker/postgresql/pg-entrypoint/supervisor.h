// Runs one child to its end: forwards signals, escalates a stop that isn't obeyed, collects every zombie.
#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "exec.h"
#include "signals.h"

namespace pg_entrypoint {

/// One rung of a stop: the signal, and how long the child may take before the next rung.
struct StopStep {
  int signal;
  std::chrono::milliseconds patience;
  std::string meaning;
};

struct StopPolicy {
  std::vector<StopStep> steps;  // empty: SIGTERM and SIGINT are forwarded like any other signal
  bool whole_group = false;     // signal the child's process group (scripts), not just the child (postgres)
};

struct Outcome {
  int exit_code = 0;
  int stop_signal = 0;  // the first signal that asked for the stop; 0 if the child ended by itself
};

/// Starts `command` and returns once it has ended and nothing below this process runs any more.
/// SIGTERM and SIGINT begin the stop; each further one, or a rung's patience passing, goes one rung on.
/// A command that can't be executed gives 127 or 126, as in a shell, and a log line.
Outcome supervise(const Command& command, const StopPolicy& policy, SignalQueue& signals);

}  // namespace pg_entrypoint
