#include "health.h"

#include <array>
#include <cstdio>

#include "log.h"

namespace pg_entrypoint {
namespace {

std::string number(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.3f", value);
  return text.data();
}

const char* flag(bool value) { return value ? "true" : "false"; }

std::string quoted(const std::string& text) { return '"' + json_escape(text) + '"'; }

/// Members of a JSON object, in order.
class Object {
 public:
  Object& add(const std::string& name, const std::string& json) {
    text_ += (text_.empty() ? "" : ",") + quoted(name) + ":" + json;
    return *this;
  }
  Object& add(const std::string& name, bool value) { return add(name, std::string(flag(value))); }
  std::string json() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

std::string json_list(const std::vector<std::string>& words) {
  std::string result;
  for (const std::string& word : words) result += (result.empty() ? "" : ",") + quoted(word);
  return "[" + result + "]";
}

std::string server_json(const HealthState& state) {
  Object server;
  server.add("accepting", state.server.accepting).add("detail", quoted(state.server.detail));
  if (const auto& facts = state.server.facts) {
    server.add("role", quoted(facts->in_recovery ? "replica" : "primary"))
        .add("lag_seconds", number(facts->lag_seconds))
        .add("lag_bytes", std::to_string(facts->lag_bytes))
        .add("connections", std::to_string(facts->connections))
        .add("max_connections", std::to_string(facts->most_connections))
        .add("replicas", std::to_string(facts->replicas))
        .add("synchronous_replicas", std::to_string(facts->synchronous_replicas))
        .add("retained_wal_bytes", std::to_string(facts->retained_wal))
        .add("extensions", quoted(facts->extensions));
  }
  return server.json();
}

std::string disks_json(const HealthState& state) {
  std::string result;
  for (const DiskSpace& disk : state.disks) {
    Object entry;
    entry.add("name", quoted(disk.name))
        .add("path", quoted(disk.path))
        .add("total_bytes", std::to_string(disk.total))
        .add("free_bytes", std::to_string(disk.free))
        .add("full", is_full(disk));
    result += (result.empty() ? "" : ",") + entry.json();
  }
  return "[" + result + "]";
}

Response health(const HealthState& state) {
  const std::vector<std::string> reasons = reasons_not_ready(state);
  Object object;
  object.add("ready", reasons.empty())
      .add("phase", quoted(phase_name(state.phase)))
      .add("reasons", json_list(reasons))
      .add("uptime_seconds", number(state.uptime))
      .add("restarts", std::to_string(state.restarts))
      .add("postgresql", server_json(state))
      .add("disks", disks_json(state));
  if (const auto& patroni = state.patroni) {
    Object entry;
    entry.add("responding", patroni->responding)
        .add("role", quoted(patroni->role))
        .add("state", quoted(patroni->state))
        .add("silent_seconds", number(patroni->silence));
    object.add("patroni", entry.json());
  }
  if (const auto& backup = state.backup) {
    Object entry;
    entry.add("running", backup->running)
        .add("last_age_seconds", backup->any_age < 0 ? "null" : number(backup->any_age))
        .add("last_full_age_seconds", backup->full_age < 0 ? "null" : number(backup->full_age))
        .add("failures", std::to_string(backup->failures));
    object.add("backup", entry.json());
  }
  if (const auto& citus = state.citus) {
    Object entry;
    entry.add("role", quoted(citus->worker ? "worker" : "coordinator"))
        .add("registered", citus->registered);
    object.add("citus", entry.json());
  }
  return {reasons.empty() ? 200 : 503, "application/json", object.json() + "\n"};
}

/// Prometheus' text format 0.0.4.
class Metrics {
 public:
  void add(const std::string& name, const char* type, const char* help, const std::string& value,
           const std::string& labels = "") {
    if (name != last_) {
      text_ += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
      last_ = name;
    }
    text_ += name + labels + " " + value + "\n";
  }
  void gauge(const std::string& name, const char* help, const std::string& value,
             const std::string& labels = "") {
    add(name, "gauge", help, value, labels);
  }
  void counter(const std::string& name, const char* help, const std::string& value) {
    add(name, "counter", help, value);
  }
  std::string text() const { return text_; }

 private:
  std::string text_, last_;
};

void add_server(Metrics& metrics, const ServerFacts& facts) {
  metrics.gauge("postgresql_in_recovery", "1 on a replica.", facts.in_recovery ? "1" : "0");
  metrics.gauge("postgresql_replication_lag_seconds",
                "Age of the last replayed transaction of a replica that is behind.",
                number(facts.lag_seconds));
  metrics.gauge("postgresql_replication_lag_bytes", "WAL received and not yet replayed.",
                std::to_string(facts.lag_bytes));
  metrics.gauge("postgresql_connections", "Client connections.", std::to_string(facts.connections));
  metrics.gauge("postgresql_max_connections", "The setting max_connections.",
                std::to_string(facts.most_connections));
  metrics.gauge("postgresql_streaming_replicas", "Replicas that stream from this server.",
                std::to_string(facts.replicas));
  metrics.gauge("postgresql_synchronous_replicas", "Those that commits wait for.",
                std::to_string(facts.synchronous_replicas));
  metrics.counter("postgresql_transactions_total", "Transactions that were committed or rolled back.",
                  std::to_string(facts.transactions));
  metrics.gauge("postgresql_retained_wal_bytes", "WAL that the slot furthest behind holds back.",
                std::to_string(facts.retained_wal));
  metrics.counter("postgresql_archive_failures_total", "Failed attempts to archive a WAL segment.",
                  std::to_string(facts.archive_failures));
  metrics.gauge("postgresql_archive_age_seconds", "Time since a WAL segment was archived; -1 if none was.",
                number(facts.archive_age));
  metrics.gauge("postgresql_uptime_seconds", "Time since the server was started.", number(facts.uptime));
}

Response metrics(const HealthState& state) {
  Metrics metrics;
  metrics.gauge("pg_entrypoint_ready", "1 if /readyz answers 200.",
                reasons_not_ready(state).empty() ? "1" : "0");
  for (const Phase phase : {Phase::kValidate, Phase::kSecrets, Phase::kPrepare, Phase::kInit, Phase::kStart,
                            Phase::kReady, Phase::kStop}) {
    metrics.gauge("pg_entrypoint_phase", "1 for the phase that the container is in.",
                  phase == state.phase ? "1" : "0", std::string("{phase=\"") + phase_name(phase) + "\"}");
  }
  metrics.gauge("pg_entrypoint_uptime_seconds", "Time since the container was started.",
                number(state.uptime));
  metrics.gauge("pg_entrypoint_resident_memory_bytes", "Memory of PID 1.", std::to_string(state.resident));
  metrics.counter("pg_entrypoint_server_restarts_total", "How often a server that died was started again.",
                  std::to_string(state.restarts));
  metrics.counter("pg_entrypoint_reaped_processes_total", "Processes that somebody left behind, collected.",
                  std::to_string(state.reaped));
  metrics.counter("pg_entrypoint_logged_errors_total", "Events of level error and above in the log.",
                  std::to_string(state.errors_logged));
  for (const DiskSpace& disk : state.disks) {
    metrics.gauge("pg_entrypoint_disk_free_bytes", "Space that the server may still use.",
                  std::to_string(disk.free), "{disk=\"" + disk.name + "\"}");
  }
  for (const DiskSpace& disk : state.disks) {
    metrics.gauge("pg_entrypoint_disk_total_bytes", "Size of the file system.", std::to_string(disk.total),
                  "{disk=\"" + disk.name + "\"}");
  }
  metrics.gauge("postgresql_up", "1 if the server takes connections.", state.server.accepting ? "1" : "0");
  if (state.server.facts) add_server(metrics, *state.server.facts);
  if (state.patroni) {
    metrics.gauge("patroni_responding", "1 if Patroni has answered within its ttl.",
                  state.patroni->responding ? "1" : "0");
  }
  if (state.backup) {
    metrics.gauge("pgbackrest_last_backup_age_seconds", "Time since a backup ended; -1 if there is none.",
                  number(state.backup->any_age));
    metrics.gauge("pgbackrest_last_full_backup_age_seconds",
                  "Time since a full backup ended; -1 if there is none.", number(state.backup->full_age));
    metrics.counter("pgbackrest_failures_total", "Backups that failed since the start.",
                    std::to_string(state.backup->failures));
  }
  if (state.citus) {
    metrics.gauge("citus_registered", "1 if the cluster knows this node.",
                  state.citus->registered ? "1" : "0");
  }
  return {200, "text/plain; version=0.0.4; charset=utf-8", metrics.text()};
}

Response yes_or_no(bool yes, const std::string& text) {
  return {yes ? 200 : 503, "text/plain; charset=utf-8", text + "\n"};
}

}  // namespace

std::vector<std::string> reasons_not_ready(const HealthState& state) {
  std::vector<std::string> reasons;
  for (const DiskSpace& disk : state.disks) {
    if (is_full(disk)) reasons.push_back("disk_full: " + disk.name + " (" + disk.path + ")");
  }
  if (state.waiting_for_space && reasons.empty()) reasons.emplace_back("disk_full: waiting for space");
  if (state.phase != Phase::kReady) {
    reasons.push_back(std::string("phase ") + phase_name(state.phase));
  } else if (!state.server.accepting) {
    reasons.push_back("postgresql: " + state.server.detail);
  } else if (state.citus && !state.citus->registered) {
    reasons.push_back(state.citus->worker ? "waiting_for_coordinator: " + state.citus->coordinator
                                          : "citus: the coordinator's address is not noted yet");
  }
  return reasons;
}

bool needs_probe(const std::string& path) {
  return path == "/readyz" || path == "/health" || path == "/metrics";
}

Response answer(const Request& request, const HealthState& state) {
  if (request.method != "GET" && request.method != "HEAD") {
    return {405, "text/plain; charset=utf-8", "only GET and HEAD are answered\n"};
  }
  if (request.path == "/livez") {
    const bool frozen = state.patroni && !state.patroni->responding;
    return yes_or_no(!frozen, frozen
                                  ? "patroni has not answered for " + number(state.patroni->silence) + " s"
                                  : "alive");
  }
  if (request.path == "/startupz") {
    return yes_or_no(state.started,
                     state.started ? "started" : std::string("phase ") + phase_name(state.phase));
  }
  if (request.path == "/readyz") {
    std::string text;
    for (const std::string& reason : reasons_not_ready(state)) text += (text.empty() ? "" : "; ") + reason;
    return yes_or_no(text.empty(), text.empty() ? "ready" : text);
  }
  if (request.path == "/health") return health(state);
  if (request.path == "/metrics") return metrics(state);
  return {404, "text/plain; charset=utf-8", "there are /livez, /readyz, /startupz, /health and /metrics\n"};
}

}  // namespace pg_entrypoint
