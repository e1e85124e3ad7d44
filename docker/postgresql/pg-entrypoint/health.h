// What the health endpoints answer, from what is known: pure, so that every state can be tested.
// docs/contracts/health.json describes the endpoints.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "disk.h"
#include "http.h"
#include "machine.h"
#include "probe.h"

namespace pg_entrypoint {

struct PatroniHealth {
  bool responding = false;  // it has answered within its ttl
  double silence = 0;       // seconds since it answered last
  std::string role;         // as it says: leader (master in old versions), replica, …
  std::string state;        // running, starting, …
};

struct BackupHealth {
  double full_age = -1;  // seconds since the last full backup ended; -1: there is none
  double any_age = -1;   // the same for one of any kind
  bool running = false;
  std::uint64_t failures = 0;  // since the start
};

struct CitusHealth {
  bool worker = false;
  bool registered = false;
  std::string coordinator;  // HOST:PORT, of a worker
};

struct HealthState {
  Phase phase = Phase::kValidate;
  bool started = false;
  bool waiting_for_space = false;
  ProbeResult server;
  std::vector<DiskSpace> disks;
  std::optional<PatroniHealth> patroni;
  std::optional<BackupHealth> backup;
  std::optional<CitusHealth> citus;
  unsigned restarts = 0;
  std::uint64_t reaped = 0;    // processes that somebody left behind
  double uptime = 0;           // seconds of this process
  std::uint64_t resident = 0;  // bytes of this process
  std::uint64_t errors_logged = 0;
};

/// Why the container isn't ready; empty if it is.
std::vector<std::string> reasons_not_ready(const HealthState& state);

/// Whether the answer to this path needs a fresh look at the server.
bool needs_probe(const std::string& path);

/// The answer of /livez, /readyz, /startupz, /health and /metrics; 404 for any other path.
Response answer(const Request& request, const HealthState& state);

}  // namespace pg_entrypoint
