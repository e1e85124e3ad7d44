#include "healthcheck.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "options.h"

namespace pg_entrypoint {
namespace {

constexpr timeval kPatience{3, 0};

std::string big_endian(std::uint32_t number) {
  std::string bytes;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>((number >> shift) & 0xffU);
  return bytes;
}

/// StartupMessage of protocol 3.0: length, version, name and value pairs, a zero byte.
std::string startup_message(const std::string& user) {
  std::string body = big_endian(3U << 16U);
  for (const std::string& text :
       {std::string("user"), user, std::string("database"), std::string("postgres"),
        std::string("application_name"), std::string("healthcheck")}) {
    body += text + '\0';
  }
  body += '\0';
  return big_endian(static_cast<std::uint32_t>(body.size() + 4)) + body;
}

/// The SQLSTATE in an ErrorResponse: fields of a letter and a text, each ending with a zero byte.
std::string sqlstate(std::string_view fields) {
  while (!fields.empty() && fields.front() != '\0') {
    const auto end = std::min(fields.find('\0'), fields.size());
    if (fields.front() == 'C') return std::string(fields.substr(1, end - 1));
    fields.remove_prefix(std::min(end + 1, fields.size()));
  }
  return "";
}

/// AuthenticationOk. To any other request the server wants a password: a goodbye in its place would be
/// logged as an error, every few seconds, where a closed connection is not.
bool is_let_in(std::string_view answer) {
  return answer.size() >= 9 && answer.front() == 'R' &&
         answer.substr(5, 4) == std::string_view("\0\0\0\0", 4);
}

Health judge(std::string_view answer) {
  if (answer.empty()) return {false, "the server closed the connection"};
  if (answer.front() == 'R') return {true, "accepting connections"};
  if (answer.front() != 'E' || answer.size() < 5) return {false, "unknown answer"};
  const std::string state = sqlstate(answer.substr(5));
  if (state == "57P03") return {false, "starting, stopping or recovering"};  // cannot_connect_now
  if (state == "57P01" || state == "57P02") return {false, "shutting down"};
  return {true, "accepting connections (this one was refused: SQLSTATE " + state + ")"};
}

Health talk(int fd, const sockaddr_un& address, const std::string& user) {
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return {false, std::string("no server at ") + address.sun_path + ": " + std::strerror(errno)};
  }
  const std::string message = startup_message(user);
  if (send(fd, message.data(), message.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(message.size())) {
    return {false, std::string("can't talk to the server: ") + std::strerror(errno)};
  }
  std::array<char, 1024> buffer{};
  const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
  if (got < 0) return {false, std::string("no answer from the server: ") + std::strerror(errno)};
  const std::string_view answer(buffer.data(), static_cast<std::size_t>(got));
  if (is_let_in(answer)) {
    const std::string goodbye = "X" + big_endian(4);
    send(fd, goodbye.data(), goodbye.size(), MSG_NOSIGNAL);
  }
  return judge(answer);
}

}  // namespace

Health check_health(const Environment& environment) {
  const std::string path =
      socket_dir(environment) + "/.s.PGSQL." + environment.get("PGPORT").value_or("5432");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return {false, "the path of the socket is too long: " + path};
  path.copy(address.sun_path, path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return {false, std::string("socket: ") + std::strerror(errno)};
  const Health result = talk(fd, address, environment.get("POSTGRES_USER").value_or("postgres"));
  close(fd);
  return result;
}

}  // namespace pg_entrypoint
