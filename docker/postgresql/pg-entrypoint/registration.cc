#include "registration.h"

#include <signal.h>

#include <algorithm>

#include "log.h"

namespace pg_entrypoint {
namespace {

std::string coordinator(const CitusOptions& citus) {
  return citus.coordinator_host + ":" + std::to_string(citus.coordinator_port);
}

std::string conninfo_quote(const std::string& value) {
  std::string result = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

}  // namespace

std::string registration_sql(const CitusOptions& citus) {
  std::string sql = "SET client_min_messages = warning;\nCREATE EXTENSION IF NOT EXISTS citus;\n";
  if (!citus.worker) return sql + "SELECT citus_set_coordinator_host(:'node_host', :node_port);\n";
  // The group is 0 in a worker that no coordinator has ever added.
  return sql +
         "SELECT groupid AS own_group FROM pg_dist_local_group \\gset\n"
         "\\connect -reuse-previous=off :coordinator\n"
         "SELECT citus_update_node(nodeid, :'node_host', :node_port) FROM pg_dist_node\n"
         "  WHERE groupid = :own_group AND groupid <> 0 AND noderole = 'primary'\n"
         "    AND (nodename, nodeport) <> (:'node_host', :node_port);\n"
         "SELECT citus_add_node(:'node_host', :node_port);\n";
}

std::string coordinator_conninfo(const Options& options) {
  const CitusOptions& citus = *options.citus;
  return "host=" + conninfo_quote(citus.coordinator_host) +
         " port=" + std::to_string(citus.coordinator_port) + " user=" + conninfo_quote(options.user) +
         " dbname=" + conninfo_quote(options.database) + " connect_timeout=10";
}

void Registration::advance(Clock::time_point now) {
  if (registered_ || pid_ != 0 || now < next_) return;
  if (!began_) began_ = now;
  const PreparedCommand prepared = registration_command(options_);
  pid_ = start_child_(prepared.command, "citus");
  if (pid_ == 0) retry(now);
}

bool Registration::ended(pid_t pid, int exit_code, Clock::time_point now) {
  if (pid != pid_ || pid == 0) return false;
  pid_ = 0;
  if (exit_code != 0) {
    retry(now);
    return true;
  }
  registered_ = true;
  const CitusOptions& citus = *options_.citus;
  const std::string node = citus.node_host + ":" + std::to_string(citus.node_port);
  log(Level::kInfo, citus.worker
                        ? "this worker, " + node + ", is a node of the coordinator " + coordinator(citus)
                        : "the coordinator is known to its workers as " + node);
  return true;
}

void Registration::retry(Clock::time_point now) {
  const CitusOptions& citus = *options_.citus;
  next_ = now + pause_;
  const std::string what = citus.worker
                               ? "the coordinator " + coordinator(citus) + " has not added this worker"
                               : "the coordinator's own address could not be noted";
  const std::string again = "; tried again in " + std::to_string(pause_.count()) + " s";
  pause_ = std::min(2 * pause_, kLongestPause);
  if (!complained_ && now - *began_ >= options_.timeout) {
    complained_ = true;
    log(Level::kError, what + " within TIMEOUT (" + std::to_string(options_.timeout.count()) + " s)" +
                           again + ", and the lines above say why");
    return;
  }
  log(Level::kWarning, what + " yet" + again);
}

void Registration::stop() const {
  if (pid_ != 0) kill(-pid_, SIGTERM);
}

std::optional<Clock::time_point> Registration::deadline() const {
  if (registered_ || pid_ != 0) return std::nullopt;
  return next_;
}

CitusHealth Registration::health() const {
  const CitusOptions& citus = *options_.citus;
  return {citus.worker, registered_, citus.worker ? coordinator(citus) : ""};
}

}  // namespace pg_entrypoint
