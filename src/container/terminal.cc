#include "container/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace pgstrata::container {

Result<ConsoleSocket> ConsoleSocket::listen(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(system_error("can't make a socket", path, ENAMETOOLONG));
  std::ranges::copy(path, address.sun_path);
  os::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // bind(2) wants the general type of address, of which this is one.
  const auto* general = reinterpret_cast<const sockaddr*>(&address);
  if (!socket || ::bind(socket.get(), general, sizeof address) != 0 || ::listen(socket.get(), 1) != 0)
    return fail(system_error("can't make a socket for the terminal", path));
  return ConsoleSocket(std::move(socket));
}

Result<os::Fd> ConsoleSocket::receive() {
  const os::Fd connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection) return fail(system_error("the runtime handed over no terminal", ""));
  std::array<char, 4096> name;
  iovec part{.iov_base = name.data(), .iov_len = name.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(connection.get(), &message, MSG_CMSG_CLOEXEC) < 0)
    return fail(system_error("can't receive the container's terminal", ""));
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS || header->cmsg_len < CMSG_LEN(sizeof(int)))
    return fail({.kind = ErrorKind::kIo, .what = "the runtime handed over no terminal"});
  int master = -1;
  std::memcpy(&master, CMSG_DATA(header), sizeof master);
  return os::Fd(master);
}

void copy_size(int from, int to) {
  winsize size{};
  if (::ioctl(from, TIOCGWINSZ, &size) == 0) static_cast<void>(::ioctl(to, TIOCSWINSZ, &size));
}

RawTerminal::RawTerminal() {
  termios now{};
  if (::tcgetattr(STDIN_FILENO, &now) != 0) return;
  previous_ = now;
  ::cfmakeraw(&now);
  static_cast<void>(::tcsetattr(STDIN_FILENO, TCSANOW, &now));
}

RawTerminal::~RawTerminal() {
  if (previous_) static_cast<void>(::tcsetattr(STDIN_FILENO, TCSANOW, &*previous_));
}

}  // namespace pgstrata::container
