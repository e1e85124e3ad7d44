// `pg-entrypoint check --extensions`: asks the running server whether every installed extension works.
#pragma once
#include "options.h"

namespace pg_entrypoint {

/// Asks the questions of extensions.h in a database of its own, which it removes again, and prints one line
/// for each. Returns 0 if every answer is right, kUnhealthy if not; throws std::runtime_error if the server
/// can't be asked.
int check_extensions(const Options& options);

}  // namespace pg_entrypoint
