#include "container/relay.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "os/file.h"

namespace pgstrata::container {

Relay::Relay(Streams streams, LogWriter log, bool attached)
    : streams_(std::move(streams)),
      log_(std::move(log)),
      show_out_(attached),
      show_err_(attached),
      read_input_(attached && streams_.in) {}

void Relay::add_to(std::vector<pollfd>& fds) const {
  const auto add = [&](int fd, short events) { fds.push_back({.fd = fd, .events = events, .revents = 0}); };
  if (streams_.out) add(streams_.out.get(), POLLIN);
  if (streams_.err) add(streams_.err.get(), POLLIN);
  if (read_input_ && input_.empty()) add(STDIN_FILENO, POLLIN);
  if (!input_.empty()) add(streams_.in.get(), POLLOUT);
}

void Relay::handle(const std::vector<pollfd>& fds) {
  for (const pollfd& one : fds) {
    if (one.revents == 0) continue;
    // The terminal is both `out` and, as a descriptor of its own, `in`.
    if (one.fd == streams_.out.get())
      carry_output(streams_.out, os::Stream::kStdout);
    else if (one.fd == streams_.err.get())
      carry_output(streams_.err, os::Stream::kStderr);
    else if (one.fd == STDIN_FILENO)
      read_input();
    else if (one.fd == streams_.in.get())
      write_input();
  }
}

void Relay::carry_output(os::Fd& from, os::Stream stream) {
  std::array<char, 65536> piece;
  const ssize_t count = ::read(from.get(), piece.data(), piece.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  // EIO is how a terminal says that nobody has it open any more.
  if (count <= 0) return from.reset();
  const std::string_view bytes(piece.data(), static_cast<std::size_t>(count));
  log_.add(stream, bytes);
  bool& shown = stream == os::Stream::kStdout ? show_out_ : show_err_;
  const int to = stream == os::Stream::kStdout ? STDOUT_FILENO : STDERR_FILENO;
  // Whoever read our output may go away; the program goes on, and its log too.
  if (shown && !os::write_all(to, bytes, "output")) shown = false;
}

void Relay::read_input() {
  std::array<char, 16384> piece;
  const ssize_t count = ::read(STDIN_FILENO, piece.data(), piece.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) {
    read_input_ = false;
    streams_.in.reset();
    return;
  }
  input_.assign(piece.data(), static_cast<std::size_t>(count));
  write_input();
}

void Relay::write_input() {
  const ssize_t count = ::write(streams_.in.get(), input_.data(), input_.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count < 0) {
    input_.clear();
    read_input_ = false;
    streams_.in.reset();
    return;
  }
  input_.erase(0, static_cast<std::size_t>(count));
}

}  // namespace pgstrata::container
