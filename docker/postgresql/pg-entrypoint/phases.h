// The way of one container from its start to its end: validate, init, runtime, serve.
#pragma once
#include <string>
#include <vector>

#include "environment.h"
#include "signals.h"

namespace pg_entrypoint {

/// Runs `postgres` with `arguments` after all that has to come before it. Returns the exit code of the
/// container.
int serve(const Environment& environment, const std::vector<std::string>& arguments, SignalQueue& signals);

/// Runs any other command as it is, with signals forwarded.
int pass_through(const Environment& environment, const std::vector<std::string>& command,
                 SignalQueue& signals);

/// What `serve` would refuse, said without writing anything. 0 if nothing.
int check(const Environment& environment);

}  // namespace pg_entrypoint
