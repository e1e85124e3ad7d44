#include "container/forwarder.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <list>

namespace pgstrata::container {
namespace {

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

socklen_t size_of(const Address& address) {
  return address.any.sa_family == AF_INET ? sizeof address.v4 : sizeof address.v6;
}

Address v4_address(in_addr_t value, std::uint16_t port) {
  Address address{};
  address.v4.sin_family = AF_INET;
  address.v4.sin_addr.s_addr = htonl(value);
  address.v4.sin_port = htons(port);
  return address;
}
Address v6_address(const in6_addr& value, std::uint16_t port) {
  Address address{};
  address.v6.sin6_family = AF_INET6;
  address.v6.sin6_addr = value;
  address.v6.sin6_port = htons(port);
  return address;
}

/// The addresses to try to listen on, the best first.
std::vector<Address> candidates(const PublishedPort& port) {
  if (port.address.empty()) return {v6_address(in6addr_any, port.host), v4_address(INADDR_ANY, port.host)};
  in_addr v4{};
  if (::inet_pton(AF_INET, port.address.c_str(), &v4) == 1)
    return {v4_address(ntohl(v4.s_addr), port.host)};
  in6_addr v6{};
  static_cast<void>(::inet_pton(AF_INET6, port.address.c_str(), &v6));
  return {v6_address(v6, port.host)};
}

bool listen_at(int socket, const Address& address, bool both_families) {
  const int on = 1;
  const int off = 0;
  static_cast<void>(::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
  if (address.any.sa_family == AF_INET6)
    static_cast<void>(
        ::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, both_families ? &off : &on, sizeof on));
  return ::bind(socket, &address.any, size_of(address)) == 0 && ::listen(socket, SOMAXCONN) == 0;
}

/// One direction of a connection.
class Flow {
 public:
  [[nodiscard]] bool wants_read() const { return open_ && size_ == 0; }
  [[nodiscard]] bool wants_write() const { return size_ > 0; }
  [[nodiscard]] bool is_over() const { return !open_ && size_ == 0; }

  /// False if the connection is broken.
  bool read(int from, int to) {
    const ssize_t count = ::recv(from, buffer_.data(), buffer_.size(), 0);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) {
      open_ = false;
      static_cast<void>(::shutdown(to, SHUT_WR));
      return true;
    }
    begin_ = 0;
    size_ = static_cast<std::size_t>(count);
    return write(to);
  }
  bool write(int to) {
    const ssize_t count = ::send(to, buffer_.data() + begin_, size_, MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    begin_ += static_cast<std::size_t>(count);
    size_ -= static_cast<std::size_t>(count);
    return true;
  }

 private:
  std::array<char, 65536> buffer_;
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
  bool open_ = true;
};

struct Connection {
  os::Fd outside;
  os::Fd inside;
  Flow inwards;
  Flow outwards;
};

os::Fd connect_inside(std::uint16_t port) {
  for (const Address& address : {v4_address(INADDR_LOOPBACK, port), v6_address(in6addr_loopback, port)}) {
    os::Fd socket(::socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // Over loopback this answers at once: the port is open or it isn't.
    if (socket && ::connect(socket.get(), &address.any, size_of(address)) == 0) return socket;
  }
  return {};
}

void set_up(int socket) {
  const int on = 1;
  static_cast<void>(::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
  static_cast<void>(::fcntl(socket, F_SETFL, O_NONBLOCK));
}

void accept_from(const Listener& listener, std::list<Connection>& connections) {
  os::Fd outside(::accept4(listener.socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!outside) return;
  os::Fd inside = connect_inside(listener.port);
  if (!inside) return;
  set_up(outside.get());
  set_up(inside.get());
  connections.push_back(
      {.outside = std::move(outside), .inside = std::move(inside), .inwards = {}, .outwards = {}});
}

short events(const Flow& read, const Flow& written) {
  return static_cast<short>((read.wants_read() ? POLLIN : 0) | (written.wants_write() ? POLLOUT : 0));
}

/// False if the connection is over.
bool carry(Connection& one, short outside, short inside) {
  constexpr short kEnded = POLLERR | POLLHUP;
  if ((outside & kEnded) != 0 && (inside & kEnded) != 0) return false;
  bool healthy = true;
  if ((outside & (POLLIN | kEnded)) != 0 && one.inwards.wants_read())
    healthy = one.inwards.read(one.outside.get(), one.inside.get());
  if (healthy && (inside & (POLLIN | kEnded)) != 0 && one.outwards.wants_read())
    healthy = one.outwards.read(one.inside.get(), one.outside.get());
  if (healthy && (inside & POLLOUT) != 0 && one.inwards.wants_write())
    healthy = one.inwards.write(one.inside.get());
  if (healthy && (outside & POLLOUT) != 0 && one.outwards.wants_write())
    healthy = one.outwards.write(one.outside.get());
  return healthy && !(one.inwards.is_over() && one.outwards.is_over());
}

}  // namespace

Result<Listener> listen_on(const PublishedPort& port) {
  int code = 0;
  for (const Address& address : candidates(port)) {
    os::Fd socket(::socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket && listen_at(socket.get(), address, port.address.empty()))
      return Listener{.socket = std::move(socket), .port = port.container};
    code = errno;
    if (code != EAFNOSUPPORT && code != EADDRNOTAVAIL) break;
  }
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("can't listen on port {}", port.host),
               .where = port.address,
               .why = ::strerrordesc_np(code),
               .next = code == EACCES ? "a plain user's ports begin at 1024" : "choose another one"});
}

void forward(std::vector<Listener> listeners, int network_namespace) {
  if (::setns(network_namespace, CLONE_NEWNET) != 0) ::_exit(1);
  std::list<Connection> connections;
  for (;;) {
    std::vector<pollfd> fds;
    for (const Listener& one : listeners)
      fds.push_back({.fd = one.socket.get(), .events = POLLIN, .revents = 0});
    for (const Connection& one : connections) {
      // A side that nothing is awaited from is left out, or its hang-up would wake us for ever.
      const short outside = events(one.inwards, one.outwards);
      const short inside = events(one.outwards, one.inwards);
      fds.push_back({.fd = outside != 0 ? one.outside.get() : -1, .events = outside, .revents = 0});
      fds.push_back({.fd = inside != 0 ? one.inside.get() : -1, .events = inside, .revents = 0});
    }
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    std::size_t at = listeners.size();
    for (auto one = connections.begin(); one != connections.end(); at += 2)
      one = carry(*one, fds[at].revents, fds[at + 1].revents) ? std::next(one) : connections.erase(one);
    for (std::size_t i = 0; i < listeners.size(); ++i)
      if (fds[i].revents != 0) accept_from(listeners[i], connections);
  }
}

}  // namespace pgstrata::container
