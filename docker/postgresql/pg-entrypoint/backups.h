// The backups of a running server, without cron: a look at the repository, then what is due, one pgBackRest
// at a time, as a child of PID 1.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "backup_schedule.h"
#include "exec.h"
#include "health.h"
#include "options.h"
#include "signals.h"

namespace pg_entrypoint {

class Backups {
 public:
  /// `start_child` starts a command whose stdout and stderr become log events.
  using StartChild = std::function<pid_t(Command, const std::string& component)>;
  Backups(const Options& options, StartChild start_child)
      : options_(options), start_child_(std::move(start_child)) {}
  ~Backups() { close_info(); }
  Backups(const Backups&) = delete;
  Backups& operator=(const Backups&) = delete;

  /// Goes on if it is time to, on a server that is ready. `facts` is nothing while they aren't known.
  void advance(Clock::time_point now, const std::optional<ServerFacts>& facts, const sigset_t& mask);
  /// True if the process was one of these.
  bool ended(pid_t pid, int exit_code, Clock::time_point now);
  /// At a stop: a backup that is interrupted leaves nothing that counts as one.
  void stop();
  pid_t pid() const { return pid_; }
  Clock::time_point deadline() const { return next_; }
  bool wants_facts(Clock::time_point now) const { return pid_ == 0 && now >= next_; }
  BackupHealth health() const;

 private:
  enum class Stage { kCreate, kLook, kBackup };
  void look(const sigset_t& mask);
  void begin(bool has_standby);
  std::string read_info();
  void close_info();
  void fail(const std::string& what, const std::string& why);

  static constexpr std::chrono::seconds kRetry{60};
  const Options& options_;
  StartChild start_child_;
  Stage stage_ = Stage::kCreate;
  pid_t pid_ = 0;
  int info_fd_ = -1;  // a file in memory that `pgbackrest info` writes to
  LastBackups last_;
  bool from_standby_ = false;    // the backup that runs, or ran last
  bool standby_failed_ = false;  // better one of the leader than none
  std::uint64_t failures_ = 0;
  Clock::time_point next_ = Clock::now();
};

}  // namespace pg_entrypoint
