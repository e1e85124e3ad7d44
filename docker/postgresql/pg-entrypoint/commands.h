// Which program does what: the command lines and environments of initdb, of a restore, of the scripts, of
// PostgreSQL and of Patroni. Nothing is started here.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "exec.h"
#include "machine.h"
#include "options.h"
#include "secret.h"

namespace pg_entrypoint {

/// Secrets that a command gets as open files: they have to live until it has been started.
struct PreparedCommand {
  Command command;
  std::vector<std::unique_ptr<SecretFile>> secrets;
};

/// What does `task`. An empty argv if there is nothing to do.
PreparedCommand task_command(Task task, const Options& options);

/// PostgreSQL with the arguments of the container, or Patroni.
Command server_command(const Options& options, const std::vector<std::string>& arguments);

/// psql that makes this node of Citus known to its cluster (registration.h).
PreparedCommand registration_command(const Options& options);

/// One run of pgBackRest against the stanza.
Command backup_command(const Options& options, const std::vector<std::string>& arguments);

/// `pgbackrest server`, which stays in the foreground (backup_server.h).
Command backup_server_command(const Options& options);

/// Whether there is something to run in a phase: of init and runtime scripts/PHASE/NN-NAME.sh, of runtime
/// also startup.sh there, of shutdown and healthcheck scripts/runtime/PHASE.sh.
bool has_scripts(const Options& options, const std::string& phase);

}  // namespace pg_entrypoint
