// A node of Citus makes itself known to its cluster, without Patroni: a worker asks the coordinator to add
// it, again and again until it has; a coordinator notes its own address. Under Patroni nobody else may do
// that (citus under two registrars fights).
//
// Both are idempotent. A worker that comes back under another name is told by the group that it has in its
// own data, and the coordinator is given the new name instead of a second node.
// https://docs.citusdata.com/en/v11.3/develop/api_udf.html
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "commands.h"
#include "health.h"
#include "options.h"
#include "signals.h"

namespace pg_entrypoint {

/// The statements, for psql: `node_host` and `node_port` are variables of it, and of a worker
/// `coordinator`.
std::string registration_sql(const CitusOptions& citus);

/// How psql reaches the coordinator, as libpq's connection string. No password: that is in the password
/// file.
std::string coordinator_conninfo(const Options& options);

class Registration {
 public:
  /// `start_child` starts a command whose stdout and stderr become log events; 0 if it can't.
  using StartChild = std::function<pid_t(Command, const std::string& component)>;
  Registration(const Options& options, StartChild start_child)
      : options_(options), start_child_(std::move(start_child)) {}

  /// Tries if it is time to. The server of this container is ready.
  void advance(Clock::time_point now);
  /// True if the process was one of these.
  bool ended(pid_t pid, int exit_code, Clock::time_point now);
  /// At a stop.
  void stop() const;
  pid_t pid() const { return pid_; }
  /// When advance() has something to do, unless a child runs or all is done.
  std::optional<Clock::time_point> deadline() const;
  CitusHealth health() const;

 private:
  void retry(Clock::time_point now);

  static constexpr std::chrono::seconds kLongestPause{30};
  const Options& options_;
  StartChild start_child_;
  pid_t pid_ = 0;
  bool registered_ = false;
  std::chrono::seconds pause_{1};
  std::optional<Clock::time_point> began_;
  bool complained_ = false;
  Clock::time_point next_ = Clock::now();
};

}  // namespace pg_entrypoint
