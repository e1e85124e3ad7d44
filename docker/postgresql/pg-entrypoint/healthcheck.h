// Asks the server over its Unix socket whether it takes connections. No shell, no libpq, a few
// milliseconds.
#pragma once
#include <string>

#include "environment.h"

namespace pg_entrypoint {

struct Health {
  bool accepting = false;
  std::string detail;  // one line for `docker inspect`
};

/// One connection attempt, at most three seconds. A server that asks for a password, or refuses the role,
/// does take connections; one that starts, stops or recovers does not.
Health check_health(const Environment& environment);

}  // namespace pg_entrypoint
