// `pg-entrypoint healthcheck`: asks PID 1 over its Unix socket. No shell, no fork, a few milliseconds.
#pragma once
#include <string>

#include "environment.h"

namespace pg_entrypoint {

struct Health {
  bool ready = false;
  std::string detail;  // one line for `docker inspect`
};

/// What /readyz answers, within three seconds.
Health check_health(const Environment& environment);

}  // namespace pg_entrypoint
