#include "session.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace pg_entrypoint {
namespace {

int connect_to_server(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw std::runtime_error("the path of the server's socket is too long: " + path);
  path.copy(address.sun_path, path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{Session::kPatience, 0};
  if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return fd;
  }
  const int error = errno;
  if (fd >= 0) close(fd);
  throw std::runtime_error("no server at " + path + ": " + std::strerror(error) +
                           "; start one, or set PGHOST and PGPORT as it has them");
}

}  // namespace

Session::Session(const std::string& socket_path, const std::string& user, const std::string& database)
    : fd_(connect_to_server(socket_path)) {
  try {
    send_bytes(startup_message(user, database));
    const Reply reply = receive(read_startup_reply);
    if (reply.kind == Reply::Kind::kLetIn) return;
    throw std::runtime_error("the server doesn't let " + user + " into the database " + database + ": " +
                             (reply.kind == Reply::Kind::kWantsSecret
                                  ? "it wants a password; run this as the user of the server"
                                  : reply.message));
  } catch (...) {
    close(fd_);
    throw;
  }
}

Session::~Session() {
  const std::string goodbye = terminate_message();
  send(fd_, goodbye.data(), goodbye.size(), MSG_NOSIGNAL);
  close(fd_);
}

Reply Session::ask(const std::string& sql) {
  send_bytes(query_message(sql));
  return receive(read_query_reply);
}

void Session::send_bytes(const std::string& bytes) {
  if (send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
    throw std::runtime_error(std::string("can't talk to the server: ") + std::strerror(errno));
}

Reply Session::receive(Reply (*read)(std::string_view)) {
  std::string received;
  for (;;) {
    std::array<char, 4096> buffer{};
    const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN)
      throw std::runtime_error("no answer from the server within " + std::to_string(kPatience) + " s");
    if (got > 0) received.append(buffer.data(), static_cast<std::size_t>(got));
    Reply reply = read(received);
    if (reply.kind == Reply::Kind::kNonsense)
      throw std::runtime_error("what answers at the server's socket is no PostgreSQL");
    if (reply.kind != Reply::Kind::kIncomplete) return reply;
    if (got <= 0) throw std::runtime_error("the server closed the connection");
  }
}

}  // namespace pg_entrypoint
