#include "exporter/engine_socket.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "os/file.h"

namespace pgstrata::exporter {

Result<EngineSocket> EngineSocket::connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto unreachable = [&](std::string why) {
    return fail({.kind = ErrorKind::kMachine,
                 .what = "can't reach the container engine",
                 .where = path,
                 .why = std::move(why)});
  };
  if (path.size() >= sizeof address.sun_path) return unreachable("the path is too long for a socket");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  os::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail(system_error("can't make a socket", path));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return unreachable(std::strerror(errno));
  return EngineSocket(std::move(fd), path);
}

Result<void> EngineSocket::set_timeout(int seconds) {
  const timeval time{.tv_sec = seconds, .tv_usec = 0};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})
    if (::setsockopt(fd_.get(), SOL_SOCKET, option, &time, sizeof time) != 0)
      return fail(system_error("can't set a time limit for", path_));
  return {};
}

Result<void> EngineSocket::request(std::string_view method, std::string_view target,
                                   std::string_view content_type, std::uint64_t content_length) {
  std::string head = fmt::format("{} {} HTTP/1.0\r\nHost: localhost\r\n", method, target);
  if (!content_type.empty())
    head += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", content_type, content_length);
  return send(head + "\r\n");
}

Result<void> EngineSocket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return fail(system_error("can't send to the container engine", path_));
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<HttpAnswer> EngineSocket::answer() {
  const std::string text = TRY(os::read_all(fd_.get(), path_));
  const std::size_t head_end = text.find("\r\n\r\n");
  HttpAnswer answer;
  const std::size_t blank = text.find(' ');
  const bool is_http = text.starts_with("HTTP/1.") && head_end != std::string::npos && blank < head_end;
  const char* begin = text.data() + (is_http ? blank + 1 : 0);
  if (!is_http || std::from_chars(begin, text.data() + head_end, answer.status).ec != std::errc{})
    return fail({.kind = ErrorKind::kIo,
                 .what = "no answer from the container engine",
                 .where = path_,
                 .why = text.empty() ? "it closed the connection" : "what it sent isn't HTTP"});
  answer.body = text.substr(head_end + 4);
  return answer;
}

}  // namespace pgstrata::exporter
