// The health side of PID 1: who asks over HTTP, what the server and Patroni answer, how full the disks are.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "health.h"
#include "health_server.h"
#include "http_client.h"
#include "options.h"
#include "probe.h"

namespace pg_entrypoint {

class Monitor {
 public:
  explicit Monitor(const Options& options);

  /// Opens the sockets. A port that is taken is an error's text if somebody asked for that port, and a
  /// warning otherwise: the Unix socket is enough for the image's own health check.
  std::string open(const Environment& environment);

  void add_to(std::vector<pollfd>& polled) const;
  Deadline deadline() const;

  /// Takes in whatever has come, and answers who can be answered. `state` gives what the machine knows.
  void advance(Clock::time_point now, HealthState state);

  bool any_disk_full() const;
  bool disks_have_room() const;
  /// What the server said last, if that is younger than `age`.
  std::optional<ServerFacts> facts(Clock::time_point now, std::chrono::seconds age) const;
  /// Asks the server for its facts, for the next look.
  void refresh(Clock::time_point now) { probe_.begin(now); }

 private:
  void ask_patroni(Clock::time_point now);
  HealthState complete(HealthState state, Clock::time_point now) const;
  void warn_of_disks();

  static constexpr std::chrono::milliseconds kFresh{50};
  static constexpr std::chrono::seconds kDisksEvery{5};
  std::string pgdata_;
  std::string health_address_;
  int health_port_;
  bool port_wanted_;
  HealthServer server_;
  Probe probe_;
  std::optional<HttpClient> patroni_;
  std::chrono::seconds patroni_ttl_{30};
  std::string patroni_role_, patroni_state_;
  Clock::time_point patroni_answered_, patroni_asked_{}, disks_looked_at_{};
  std::vector<DiskSpace> disks_;
  bool warned_of_disks_ = false;
};

}  // namespace pg_entrypoint
