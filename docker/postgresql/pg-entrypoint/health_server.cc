#include "health_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace pg_entrypoint {
namespace {

constexpr int kBacklog = 64;

std::string error_text(const std::string& what) { return what + ": " + std::strerror(errno); }

}  // namespace

HealthServer::~HealthServer() {
  for (const Client& client : clients_) close(client.fd);
  for (const int listener : listeners_) close(listener);
  if (!path_.empty()) unlink(path_.c_str());
}

std::string HealthServer::listen_on_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return "the path " + path + " is too long for a socket";
  path.copy(address.sun_path, path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return error_text("socket");
  unlink(path.c_str());
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd, kBacklog) != 0) {
    std::string error = error_text("can't listen on " + path);
    close(fd);
    return error;
  }
  chmod(path.c_str(), 0666);  // it tells nothing that the port doesn't
  path_ = path;
  listeners_.push_back(fd);
  return "";
}

std::string HealthServer::listen_on_port(const std::string& address, int port) {
  const bool v6 = address.find(':') != std::string::npos;
  sockaddr_in ipv4{};
  sockaddr_in6 ipv6{};
  ipv4.sin_family = AF_INET;
  ipv4.sin_port = htons(static_cast<std::uint16_t>(port));
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_port = htons(static_cast<std::uint16_t>(port));
  const bool good = v6 ? inet_pton(AF_INET6, address.c_str(), &ipv6.sin6_addr) == 1
                       : inet_pton(AF_INET, address.c_str(), &ipv4.sin_addr) == 1;
  if (!good) return "'" + address + "' is no IP address";
  const int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return error_text("socket");
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const auto* where =
      v6 ? reinterpret_cast<const sockaddr*>(&ipv6) : reinterpret_cast<const sockaddr*>(&ipv4);
  const auto size = static_cast<socklen_t>(v6 ? sizeof ipv6 : sizeof ipv4);
  if (bind(fd, where, size) != 0 || listen(fd, kBacklog) != 0) {
    std::string error = error_text("can't listen on " + address + ":" + std::to_string(port));
    close(fd);
    return error;
  }
  listeners_.push_back(fd);
  return "";
}

void HealthServer::add_to(std::vector<pollfd>& polled) const {
  if (clients_.size() < kMostClients) {
    for (const int listener : listeners_) polled.push_back({listener, POLLIN, 0});
  }
  for (const Client& client : clients_) {
    if (client.state == Client::State::kReading) polled.push_back({client.fd, POLLIN, 0});
    if (client.state == Client::State::kSending) polled.push_back({client.fd, POLLOUT, 0});
  }
}

void HealthServer::advance(Clock::time_point now) {
  for (const int listener : listeners_) take_up(listener, now);
  for (auto client = clients_.begin(); client != clients_.end();) {
    if (client->state == Client::State::kReading) read(*client);
    if (client->state == Client::State::kSending) send(*client);
    if (client->fd >= 0 && now < client->until) {
      ++client;
      continue;
    }
    if (client->fd >= 0) close(client->fd);
    client = clients_.erase(client);
  }
}

void HealthServer::take_up(int listener, Clock::time_point now) {
  while (clients_.size() < kMostClients) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    clients_.push_back({fd, now + kPatience, "", "", {}, Client::State::kReading});
  }
}

void HealthServer::read(Client& client) {
  std::array<char, 2048> buffer{};
  for (;;) {
    const ssize_t got = recv(client.fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) {
      close(client.fd);
      client.fd = -1;
      return;
    }
    client.received.append(buffer.data(), static_cast<std::size_t>(got));
    if (client.received.size() > kLongestRequest) break;
  }
  const auto refuse = [&client](int status, const char* text) {
    client.to_send = to_bytes({status, "text/plain; charset=utf-8", text}, false);
    client.state = Client::State::kSending;
  };
  if (client.received.size() > kLongestRequest) return refuse(431, "the request is too long\n");
  if (!is_complete(client.received)) return;
  const auto request = parse_request(client.received);
  if (!request) return refuse(400, "this is no HTTP request\n");
  client.request = *request;
  client.state = Client::State::kWaiting;
}

void HealthServer::send(Client& client) {
  while (!client.to_send.empty()) {
    const ssize_t sent = ::send(client.fd, client.to_send.data(), client.to_send.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    if (sent <= 0) break;
    client.to_send.erase(0, static_cast<std::size_t>(sent));
  }
  close(client.fd);
  client.fd = -1;
}

bool HealthServer::has_waiting(const std::function<bool(const Request&)>& which) const {
  for (const Client& client : clients_) {
    if (client.state == Client::State::kWaiting && which(client.request)) return true;
  }
  return false;
}

void HealthServer::answer(const std::function<bool(const Request&)>& which,
                          const std::function<Response(const Request&)>& respond) {
  for (Client& client : clients_) {
    if (client.state != Client::State::kWaiting || !which(client.request)) continue;
    client.to_send = to_bytes(respond(client.request), client.request.method == "HEAD");
    client.state = Client::State::kSending;
  }
}

Deadline HealthServer::deadline() const {
  Deadline first;
  for (const Client& client : clients_) {
    if (!first || client.until < *first) first = client.until;
  }
  return first;
}

}  // namespace pg_entrypoint
