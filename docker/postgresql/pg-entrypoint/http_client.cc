#include "http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace pg_entrypoint {

HttpAnswer parse_answer(const std::string& bytes) {
  const auto space = bytes.find(' ');
  if (!bytes.starts_with("HTTP/1.") || space == std::string::npos) return {};
  HttpAnswer answer{std::atoi(bytes.c_str() + space), ""};
  if (const auto end = bytes.find("\r\n\r\n"); end != std::string::npos)
    answer.body = bytes.substr(end + 4);
  return answer;
}

std::optional<std::string> json_text(const std::string& json, const std::string& name) {
  const auto found = json.find('"' + name + '"');
  if (found == std::string::npos) return std::nullopt;
  const auto begin = json.find_first_not_of(" :", found + name.size() + 2);
  if (begin == std::string::npos || json[begin] != '"') return std::nullopt;
  const auto end = json.find('"', begin + 1);
  if (end == std::string::npos) return std::nullopt;
  return json.substr(begin + 1, end - begin - 1);
}

std::optional<long long> json_number(const std::string& json, const std::string& name, std::size_t from) {
  const auto found = json.find('"' + name + '"', from);
  if (found == std::string::npos) return std::nullopt;
  const auto begin = json.find_first_not_of(" :", found + name.size() + 2);
  if (begin == std::string::npos) return std::nullopt;
  char* end = nullptr;
  const long long value = std::strtoll(json.c_str() + begin, &end, 10);
  if (end == json.c_str() + begin) return std::nullopt;
  return value;
}

void HttpClient::begin(const std::string& path, Clock::time_point now, std::chrono::milliseconds patience) {
  if (busy()) return;
  deadline_ = now + patience;
  request_ = "GET " + path + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
  received_.clear();
  sent_ = false;
  failed_ = !connect_socket();
  events_ = POLLOUT;
}

bool HttpClient::connect_socket() {
  sockaddr_un local{};
  sockaddr_in ipv4{};
  sockaddr_in6 ipv6{};
  const sockaddr* where = nullptr;
  socklen_t size = 0;
  int family = AF_UNIX;
  if (address_.starts_with('/')) {
    if (address_.size() >= sizeof local.sun_path) return false;
    local.sun_family = AF_UNIX;
    address_.copy(local.sun_path, address_.size());
    where = reinterpret_cast<const sockaddr*>(&local);
    size = sizeof local;
  } else {
    const auto colon = address_.rfind(':');
    std::string host = address_.substr(0, colon);
    const auto port = htons(static_cast<std::uint16_t>(std::atoi(address_.c_str() + colon + 1)));
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (inet_pton(AF_INET, host.c_str(), &ipv4.sin_addr) == 1) {
      family = ipv4.sin_family = AF_INET;
      ipv4.sin_port = port;
      where = reinterpret_cast<const sockaddr*>(&ipv4);
      size = sizeof ipv4;
    } else if (inet_pton(AF_INET6, host.c_str(), &ipv6.sin6_addr) == 1) {
      family = ipv6.sin6_family = AF_INET6;
      ipv6.sin6_port = port;
      where = reinterpret_cast<const sockaddr*>(&ipv6);
      size = sizeof ipv6;
    } else {
      return false;
    }
  }
  fd_ = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0) return false;
  return connect(fd_, where, size) == 0 || errno == EINPROGRESS;
}

bool HttpClient::advance(Clock::time_point now) {
  if (!busy() && !failed_) return false;
  bool ended = failed_ || now >= deadline_;
  if (!ended && !sent_) {
    const ssize_t sent = send(fd_, request_.data(), request_.size(), MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(request_.size())) {
      sent_ = true;
      events_ = POLLIN;
    } else if (sent >= 0 || (errno != EAGAIN && errno != EINTR && errno != ENOTCONN)) {
      ended = true;
    }
  }
  while (!ended && sent_) {
    std::array<char, 4096> buffer{};
    const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0 || received_.size() > (std::size_t{1} << 20U)) ended = true;
    if (got > 0) received_.append(buffer.data(), static_cast<std::size_t>(got));
  }
  if (!ended) return false;
  failed_ = false;
  close_socket();
  result_ = parse_answer(received_);
  return true;
}

void HttpClient::close_socket() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

}  // namespace pg_entrypoint
