#include "solver/agent_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "os/fd.h"
#include "os/file.h"

namespace pgstrata::solver {
namespace {

// draft-miller-ssh-agent, 5.1
constexpr std::uint8_t kFailure = 5;
constexpr std::uint8_t kListKeys = 11;
constexpr std::uint8_t kSign = 13;
constexpr std::uint32_t kMaxMessage = 256 * 1024;

/// A socket's address may have 107 bytes, a store's path more: the directory is named by a descriptor.
struct Address {
  os::Fd directory;
  sockaddr_un bytes{};

  static Result<Address> of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    Address address;
    const std::string parent = slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
    address.directory = TRY(os::open(parent, O_PATH | O_DIRECTORY));
    const std::string text =
        fmt::format("/proc/self/fd/{}/{}", address.directory.get(), path.substr(slash + 1));
    address.bytes.sun_family = AF_UNIX;
    if (text.size() >= sizeof address.bytes.sun_path)
      return fail(system_error("can't use the socket", path, ENAMETOOLONG));
    std::memcpy(&address.bytes.sun_path[0], text.c_str(), text.size() + 1);
    return address;
  }
  [[nodiscard]] const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&bytes);  // as the socket calls want it
  }
};

Result<os::Fd> connect_to(const std::string& path) {
  const Address address = TRY(Address::of(path));
  os::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || ::connect(fd.get(), address.get(), sizeof address.bytes) != 0)
    return fail(system_error("can't reach the ssh-agent", path));
  return fd;
}

/// One message's body; empty at the end of the connection, when `stop` becomes readable, or for nonsense.
class Messages {
 public:
  Messages(int fd, int stop) : fd_(fd), stop_(stop) {}

  std::string read() {
    std::array<std::uint8_t, 4> size{};
    if (!fill(size.data(), size.size())) return {};
    const std::uint32_t length = std::uint32_t{size[0]} << 24U | std::uint32_t{size[1]} << 16U |
                                 std::uint32_t{size[2]} << 8U | size[3];
    if (length == 0 || length > kMaxMessage) return {};
    std::string body(length, '\0');
    if (!fill(body.data(), body.size())) return {};
    return body;
  }

  bool write(const std::string& body) {
    const auto length = static_cast<std::uint32_t>(body.size());
    std::string text;
    for (const unsigned shift : {24U, 16U, 8U, 0U}) text += static_cast<char>(length >> shift & 0xFFU);
    text += body;
    for (std::size_t sent = 0; sent < text.size();) {
      const ssize_t count = ::send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      sent += static_cast<std::size_t>(count);
    }
    return true;
  }

 private:
  bool fill(void* to, std::size_t size) {
    for (std::size_t got = 0; got < size;) {
      std::array<pollfd, 2> fds{pollfd{fd_, POLLIN, 0}, pollfd{stop_, POLLIN, 0}};
      if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return false;
      if (fds[1].revents != 0) return false;
      if (fds[0].revents == 0) continue;
      const ssize_t count = ::read(fd_, static_cast<char*>(to) + got, size - got);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      got += static_cast<std::size_t>(count);
    }
    return true;
  }

  int fd_;
  int stop_;
};

void serve(const os::Fd& client, const std::string& agent_path, int stop) {
  const auto agent = connect_to(agent_path);
  if (!agent) return;
  Messages from_client(client.get(), stop);
  Messages from_agent(agent->get(), stop);
  for (;;) {
    const std::string request = from_client.read();
    if (request.empty()) return;
    const auto type = static_cast<std::uint8_t>(request.front());
    std::string reply(1, static_cast<char>(kFailure));
    if (type == kListKeys || type == kSign) {
      if (!from_agent.write(request)) return;
      reply = from_agent.read();
      if (reply.empty()) return;
    }
    if (!from_client.write(reply)) return;
  }
}

class Listening final : public AgentSocket {
 public:
  Listening(os::Fd listener, os::Fd stop, std::string agent)
      : listener_(std::move(listener)), stop_(std::move(stop)), agent_(std::move(agent)) {
    accepter_ = std::thread([this] { accept_all(); });
  }
  ~Listening() override {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(stop_.get(), &one, sizeof one));
    accepter_.join();
    for (std::thread& connection : connections_) connection.join();
  }

 private:
  void accept_all() {
    for (;;) {
      std::array<pollfd, 2> fds{pollfd{listener_.get(), POLLIN, 0}, pollfd{stop_.get(), POLLIN, 0}};
      if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
      if (fds[1].revents != 0) return;
      if (fds[0].revents == 0) continue;
      os::Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) continue;
      connections_.emplace_back([this, fd = client.release()] { serve(os::Fd(fd), agent_, stop_.get()); });
    }
  }

  os::Fd listener_;
  os::Fd stop_;  ///< readable once, and then for all
  std::string agent_;
  std::vector<std::thread> connections_;  ///< the accepter's, until it is joined
  std::thread accepter_;
};

}  // namespace

Result<std::unique_ptr<AgentSocket>> AgentSocket::open(const std::string& path, const std::string& agent,
                                                       const Owner& owner) {
  TRY(connect_to(agent));  // says now what a step would only see as a closed connection
  const Address address = TRY(Address::of(path));
  os::Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener || ::bind(listener.get(), address.get(), sizeof address.bytes) != 0 ||
      ::listen(listener.get(), 16) != 0)
    return fail(system_error("can't make a socket for the step", path));
  if (::chown(path.c_str(), owner.uid, owner.gid) != 0 || ::chmod(path.c_str(), owner.mode) != 0)
    return fail(system_error("can't set the owner of the step's socket", path));
  os::Fd stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop) return fail(system_error("can't make an event descriptor", ""));
  return std::make_unique<Listening>(std::move(listener), std::move(stop), agent);
}

}  // namespace pgstrata::solver
