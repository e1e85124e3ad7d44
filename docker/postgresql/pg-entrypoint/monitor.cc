#include "monitor.h"

#include "log.h"

namespace pg_entrypoint {
namespace {

/// Where to reach what listens on `listen`.
std::string reachable(std::string listen) {
  const auto colon = listen.rfind(':');
  const std::string host = listen.substr(0, colon);
  if (host == "0.0.0.0" || host == "*" || host == "localhost") return "127.0.0.1" + listen.substr(colon);
  if (host == "[::]") return "[::1]" + listen.substr(colon);
  return listen;
}

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

void keep_earlier(Deadline& first, Clock::time_point other) {
  if (!first || other < *first) first = other;
}

}  // namespace

Monitor::Monitor(const Options& options)
    : pgdata_(options.pgdata),
      health_address_(options.health_address),
      health_port_(options.health_port),
      port_wanted_(options.health_port_wanted),
      probe_(options.socket_dir + "/.s.PGSQL." + options.port, options.user),
      patroni_answered_(Clock::now()) {
  // With TLS Patroni would have to be asked by somebody who can speak it.
  if (options.patroni && options.patroni->api_cert.empty()) {
    patroni_.emplace(reachable(options.patroni->api_listen));
    patroni_ttl_ = std::chrono::seconds(options.patroni->ttl);
  }
}

std::string Monitor::open(const Environment& environment) {
  if (const std::string error = server_.listen_on_socket(health_socket(environment)); !error.empty()) {
    return error + "; `pg-entrypoint healthcheck` needs it";
  }
  if (health_port_ == 0) return "";
  const std::string error = server_.listen_on_port(health_address_, health_port_);
  if (error.empty()) return "";
  if (port_wanted_) return error + "; choose another HEALTH_PORT, or 0 for none";
  log(Level::kWarning, "no health endpoints over TCP: " + error + "; choose another HEALTH_PORT");
  return "";
}

void Monitor::add_to(std::vector<pollfd>& polled) const {
  server_.add_to(polled);
  if (probe_.busy()) polled.push_back({probe_.fd(), probe_.events(), 0});
  if (patroni_ && patroni_->busy()) polled.push_back({patroni_->fd(), patroni_->events(), 0});
}

Deadline Monitor::deadline() const {
  Deadline first = server_.deadline();
  if (probe_.busy()) keep_earlier(first, probe_.deadline());
  if (patroni_ && patroni_->busy()) keep_earlier(first, patroni_->deadline());
  keep_earlier(first, disks_looked_at_ + kDisksEvery);
  return first;
}

void Monitor::advance(Clock::time_point now, HealthState state) {
  server_.advance(now);
  probe_.advance(now);
  ask_patroni(now);
  const bool serving = state.phase == Phase::kReady;
  const auto wants_probe = [serving](const Request& request) {
    return serving && needs_probe(request.path);
  };
  const auto needs_none = [&wants_probe](const Request& request) { return !wants_probe(request); };
  const bool asked = server_.has_waiting(wants_probe);
  const bool stale = now - probe_.when() > kFresh;
  if (now - disks_looked_at_ >= kDisksEvery || server_.has_waiting([](const Request&) { return true; })) {
    disks_ = look_at_disks(pgdata_);
    disks_looked_at_ = now;
    warn_of_disks();
  }
  if (asked && stale && !probe_.busy()) probe_.begin(now);
  const HealthState complete_state = complete(std::move(state), now);
  const auto respond = [&complete_state](const Request& request) {
    return pg_entrypoint::answer(request, complete_state);
  };
  server_.answer(needs_none, respond);
  if (asked && !probe_.busy()) server_.answer(wants_probe, respond);
  server_.advance(now);
}

void Monitor::ask_patroni(Clock::time_point now) {
  if (!patroni_) return;
  if (patroni_->advance(now) && patroni_->result().status != 0) {
    patroni_answered_ = now;
    patroni_role_ = json_text(patroni_->result().body, "role").value_or("");
    patroni_state_ = json_text(patroni_->result().body, "state").value_or("");
  }
  if (!patroni_->busy() && now - patroni_asked_ >= std::chrono::seconds(2)) {
    patroni_asked_ = now;
    patroni_->begin("/patroni", now, std::chrono::seconds(5));
  }
}

HealthState Monitor::complete(HealthState state, Clock::time_point now) const {
  // Before and after that phase nobody asks the server: it would only log that it isn't ready.
  state.server = state.phase == Phase::kReady
                     ? probe_.result()
                     : ProbeResult{false, std::string("phase ") + phase_name(state.phase), std::nullopt};
  state.disks = disks_;
  if (patroni_) {
    const double silence = seconds_between(patroni_answered_, now);
    state.patroni = PatroniHealth{silence < static_cast<double>(patroni_ttl_.count()), silence,
                                  patroni_role_, patroni_state_};
  }
  return state;
}

void Monitor::warn_of_disks() {
  bool nearly_full = false;
  for (const DiskSpace& disk : disks_) {
    if (!is_nearly_full(disk)) continue;
    nearly_full = true;
    if (!warned_of_disks_) {
      log(Level::kWarning, "the disk of " + disk.path +
                               " is nearly full: " + std::to_string(disk.free >> 20U) + " of " +
                               std::to_string(disk.total >> 20U) + " MB are free");
    }
  }
  warned_of_disks_ = nearly_full;
}

bool Monitor::any_disk_full() const {
  for (const DiskSpace& disk : look_at_disks(pgdata_)) {
    if (is_full(disk)) return true;
  }
  return false;
}

bool Monitor::disks_have_room() const {
  for (const DiskSpace& disk : look_at_disks(pgdata_)) {
    if (!has_room_again(disk)) return false;
  }
  return true;
}

std::optional<ServerFacts> Monitor::facts(Clock::time_point now, std::chrono::seconds age) const {
  return now - probe_.when() <= age ? probe_.result().facts : std::nullopt;
}

}  // namespace pg_entrypoint
