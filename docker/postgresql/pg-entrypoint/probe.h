// Asks PostgreSQL over its Unix socket whether it takes connections and how it is, without ever waiting for
// it: the event loop of PID 1 goes on meanwhile. No libpq, no process.
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "signals.h"
#include "wire.h"

namespace pg_entrypoint {

/// What the server says about itself, if it lets PID 1's user in.
struct ServerFacts {
  bool in_recovery = false;
  double lag_seconds = 0;      // of a standby: since the last replayed transaction, 0 once it has caught up
  std::int64_t lag_bytes = 0;  // of a standby: received but not replayed
  int connections = 0;
  int most_connections = 0;
  int replicas = 0;              // that stream from this server
  int synchronous_replicas = 0;  // of these
  std::int64_t transactions = 0;
  std::int64_t retained_wal = 0;  // bytes that the slot furthest behind holds back
  std::int64_t archive_failures = 0;
  double archive_age = -1;  // seconds since a segment was archived; -1: never
  double uptime = 0;
  std::string extensions;  // NAME VERSION, …, of the database postgres
};

struct ProbeResult {
  bool accepting = false;
  std::string detail;  // one line for people
  std::optional<ServerFacts> facts;
};

class Probe {
 public:
  Probe(std::string socket_path, std::string user)
      : path_(std::move(socket_path)), user_(std::move(user)) {}
  ~Probe() { close_socket(); }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  /// Begins an attempt unless one is under way.
  void begin(Clock::time_point now);
  bool busy() const { return fd_ >= 0; }
  /// What to poll for; -1 if nothing.
  int fd() const { return fd_; }
  short events() const { return events_; }
  Clock::time_point deadline() const { return deadline_; }

  /// The descriptor is ready, or the deadline may have passed. True once a result is there.
  bool advance(Clock::time_point now);

  /// The last complete attempt, and when that was. Before the first one nothing accepts.
  const ProbeResult& result() const { return result_; }
  Clock::time_point when() const { return when_; }

  static constexpr std::chrono::seconds kPatience{2};

 private:
  enum class Stage { kStartup, kQuery };
  bool finish(ProbeResult result, Clock::time_point now);
  bool read_answer(Clock::time_point now);
  bool send_all(const std::string& bytes);
  void close_socket();

  std::string path_;
  std::string user_;
  int fd_ = -1;
  short events_ = 0;
  Stage stage_ = Stage::kStartup;
  std::string received_;
  Clock::time_point deadline_{};
  Clock::time_point when_{};
  ProbeResult result_{false, "not asked yet", std::nullopt};
};

/// The judgement of an answer to a startup message.
ProbeResult judge(const Reply& reply);

/// The question, and its answer's columns in order.
const std::string& facts_query();
std::optional<ServerFacts> read_facts(const Reply& reply);

}  // namespace pg_entrypoint
