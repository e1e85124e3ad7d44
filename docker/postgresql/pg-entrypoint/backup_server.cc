#include "backup_server.h"

#include <signal.h>

#include "commands.h"
#include "log.h"

namespace pg_entrypoint {

void BackupServer::advance(Clock::time_point now) {
  if (pid_ != 0 || stopping_ || now < next_) return;
  pid_ = start_child_(backup_server_command(options_), "pgbackrest");
  if (pid_ == 0) next_ = now + kRetry;
}

bool BackupServer::ended(pid_t pid, int exit_code, Clock::time_point now) {
  if (pid != pid_ || pid == 0) return false;
  pid_ = 0;
  if (stopping_) return true;
  next_ = now + kRetry;
  log(Level::kError, "pgbackrest server ended (exit code " + std::to_string(exit_code) +
                         "): no backup can be made from this node; started again in " +
                         std::to_string(kRetry.count()) + " s, and the lines above say why");
  return true;
}

void BackupServer::stop() {
  stopping_ = true;
  if (pid_ != 0) kill(pid_, SIGTERM);
}

std::vector<std::string> standby_arguments(const Options& options) {
  const StandbyOptions& standby = *options.backup->standby;
  std::vector<std::string> arguments{"--backup-standby"};
  int number = 2;  // pg1 is this node
  for (const std::string& host : standby.hosts) {
    const std::string pg = "--pg" + std::to_string(number++) + "-";
    arguments.insert(
        arguments.end(),
        {pg + "host=" + host, pg + "host-type=tls", pg + "host-port=" + std::to_string(standby.port),
         pg + "host-cert-file=" + standby.cert, pg + "host-key-file=" + standby.key,
         pg + "host-ca-file=" + standby.ca, pg + "host-config=" + options.pgconfig + "/pgbackrest.conf",
         pg + "path=" + options.pgdata, pg + "socket-path=" + options.socket_dir,
         pg + "port=" + options.port, pg + "user=" + options.user});
  }
  return arguments;
}

}  // namespace pg_entrypoint
