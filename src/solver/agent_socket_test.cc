#include "solver/agent_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <thread>

#include "os/fd.h"

namespace pgstrata::solver {
namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(&address.sun_path[0], path.c_str(), sizeof address.sun_path - 1);
  return address;
}

os::Fd client_of(const std::string& path) {
  os::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(path);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

std::string exchange(int fd, const std::string& message) {
  EXPECT_EQ(::send(fd, message.data(), message.size(), MSG_NOSIGNAL), static_cast<ssize_t>(message.size()));
  std::string reply(64, '\0');
  const ssize_t count = ::read(fd, reply.data(), reply.size());
  reply.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  return reply;
}

std::string message(std::uint8_t type) { return std::string("\0\0\0\1", 4) + static_cast<char>(type); }

/// An agent that answers each message with the message, "+" put before its body.
class EchoAgent {
 public:
  explicit EchoAgent(const std::string& path)
      : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_un address = address_of(path);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 4), 0);
    thread_ = std::thread([this] {
      for (;;) {
        const os::Fd client(::accept(listener_.get(), nullptr, nullptr));
        if (!client) return;
        std::array<char, 64> buffer{};
        while (::read(client.get(), buffer.data(), buffer.size()) == 5) {
          ++asked;
          const std::string reply = std::string("\0\0\0\2+", 5) + buffer[4];
          EXPECT_EQ(::send(client.get(), reply.data(), reply.size(), MSG_NOSIGNAL), 6);
        }
      }
    });
  }
  ~EchoAgent() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  EchoAgent(const EchoAgent&) = delete;
  EchoAgent& operator=(const EchoAgent&) = delete;

  std::atomic<int> asked = 0;

 private:
  os::Fd listener_;
  std::thread thread_;
};

class AgentSocketTest : public testing::Test {
 protected:
  AgentSocketTest() {
    std::string path = testing::TempDir() + "agent.XXXXXX";
    directory = ::mkdtemp(path.data());
  }
  ~AgentSocketTest() override { std::filesystem::remove_all(directory); }
  std::string directory;
};

TEST_F(AgentSocketTest, ListsAndSignsAndNothingElse) {
  EchoAgent agent(directory + "/agent");
  const auto socket =
      AgentSocket::open(directory + "/step", directory + "/agent", {0600, ::getuid(), ::getgid()});
  ASSERT_TRUE(socket) << socket.error().message();
  const os::Fd client = client_of(directory + "/step");
  const std::string failure = std::string("\0\0\0\1\5", 5);
  EXPECT_EQ(exchange(client.get(), message(11)), std::string("\0\0\0\2+\x0b", 6));
  EXPECT_EQ(exchange(client.get(), message(13)), std::string("\0\0\0\2+\x0d", 6));
  for (const int other : {1, 17, 18, 19, 20, 22, 23, 25, 27})
    EXPECT_EQ(exchange(client.get(), message(static_cast<std::uint8_t>(other))), failure);
  EXPECT_EQ(agent.asked, 2);
}

TEST_F(AgentSocketTest, HasTheModeAndEndsWithOpenConnections) {
  EchoAgent agent(directory + "/agent");
  auto socket =
      AgentSocket::open(directory + "/step", directory + "/agent", {0660, ::getuid(), ::getgid()});
  ASSERT_TRUE(socket) << socket.error().message();
  struct stat status {};
  ASSERT_EQ(::stat((directory + "/step").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0660U);
  const os::Fd idle = client_of(directory + "/step");
  const os::Fd half = client_of(directory + "/step");
  EXPECT_EQ(::send(half.get(), "\0\0", 2, MSG_NOSIGNAL), 2);
  socket->reset();  // doesn't wait for them
}

TEST_F(AgentSocketTest, AnAgentThatIsntThereIsNamed) {
  const auto socket =
      AgentSocket::open(directory + "/step", directory + "/none", {0600, ::getuid(), ::getgid()});
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().where, directory + "/none");
}

TEST_F(AgentSocketTest, PathsLongerThanAnAddress) {
  const std::string deep = directory + "/" + std::string(120, 'd');
  std::filesystem::create_directory(deep);
  EchoAgent agent(directory + "/agent");
  EXPECT_TRUE(AgentSocket::open(deep + "/step", directory + "/agent", {0600, ::getuid(), ::getgid()}));
}

}  // namespace
}  // namespace pgstrata::solver
