// pgBackRest's own server, on each member of a cluster whose backups come from a standby: through it the
// leader, which makes the backup, reads a standby's files. TLS, with certificates on both sides.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "exec.h"
#include "options.h"
#include "signals.h"

namespace pg_entrypoint {

class BackupServer {
 public:
  /// `start_child` starts a command whose stdout and stderr become log events.
  using StartChild = std::function<pid_t(Command, const std::string& component)>;
  BackupServer(const Options& options, StartChild start_child)
      : options_(options), start_child_(std::move(start_child)) {}
  BackupServer(const BackupServer&) = delete;
  BackupServer& operator=(const BackupServer&) = delete;

  /// Starts it, if it doesn't run and it is time to.
  void advance(Clock::time_point now);
  /// True if the process was this one.
  bool ended(pid_t pid, int exit_code, Clock::time_point now);
  void stop();
  pid_t pid() const { return pid_; }
  Clock::time_point deadline() const { return next_; }

 private:
  static constexpr std::chrono::seconds kRetry{10};
  const Options& options_;
  StartChild start_child_;
  pid_t pid_ = 0;
  bool stopping_ = false;
  Clock::time_point next_ = Clock::now();
};

/// What `pgbackrest backup` is told, to read the files of a standby: which members there are besides this
/// one. All of them have this one's PGDATA, port and folder of the socket.
std::vector<std::string> standby_arguments(const Options& options);

}  // namespace pg_entrypoint
