// The sockets of the health endpoints: TCP for probes and Prometheus, and a Unix socket for
// `pg-entrypoint healthcheck`. Part of the event loop of PID 1; a slow client holds up nobody.
#pragma once
#include <poll.h>

#include <functional>
#include <list>
#include <string>
#include <vector>

#include "http.h"
#include "signals.h"

namespace pg_entrypoint {

class HealthServer {
 public:
  ~HealthServer();
  HealthServer() = default;
  HealthServer(const HealthServer&) = delete;
  HealthServer& operator=(const HealthServer&) = delete;

  /// Replaces a socket that an earlier process left there. Returns an error's text, or nothing.
  std::string listen_on_socket(const std::string& path);
  std::string listen_on_port(const std::string& address, int port);

  /// What to poll for.
  void add_to(std::vector<pollfd>& polled) const;
  /// Takes up, reads and writes whatever is ready, without waiting.
  void advance(Clock::time_point now);
  /// Clients that have asked and wait for an answer. `fresh` answers those requests that may be answered
  /// now.
  bool has_waiting(const std::function<bool(const Request&)>& which) const;
  void answer(const std::function<bool(const Request&)>& which,
              const std::function<Response(const Request&)>& respond);
  /// When a client has to be given up; nothing without clients.
  Deadline deadline() const;

 private:
  struct Client {
    int fd;
    Clock::time_point until;
    std::string received;
    std::string to_send;
    Request request;
    enum class State { kReading, kWaiting, kSending } state = State::kReading;
  };
  void take_up(int listener, Clock::time_point now);
  void read(Client& client);
  void send(Client& client);

  static constexpr std::size_t kMostClients = 64;
  static constexpr std::chrono::seconds kPatience{10};
  std::vector<int> listeners_;
  std::list<Client> clients_;
  std::string path_;
};

}  // namespace pg_entrypoint
