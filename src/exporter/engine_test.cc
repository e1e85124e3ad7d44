#include "exporter/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <thread>

#include "exporter/exporter.h"
#include "exporter/fake_image.h"

namespace pgstrata::exporter {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Listens on a unix socket and gives each connection one prepared answer.
class FakeEngine {
 public:
  struct Exchange {
    std::string answer;
    bool reads_body = true;
  };

  FakeEngine(const std::string& path, std::vector<Exchange> exchanges) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 4), 0);
    thread_ = std::thread([this, exchanges = std::move(exchanges)] {
      for (const Exchange& exchange : exchanges) serve(exchange);
    });
  }
  FakeEngine(const FakeEngine&) = delete;
  FakeEngine& operator=(const FakeEngine&) = delete;
  ~FakeEngine() {
    // A client that never came must not keep the test waiting.
    ::shutdown(listener_.get(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }

  /// The requests, complete, once all answers were given.
  std::vector<std::string> requests() {
    thread_.join();
    return requests_;
  }

 private:
  void serve(const Exchange& exchange) {
    const os::Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::string request;
    std::size_t wanted = std::string::npos;
    std::array<char, 65536> buffer{};
    while (request.size() < wanted) {
      const ssize_t got = ::read(connection.get(), buffer.data(), buffer.size());
      if (got <= 0) break;
      request.append(buffer.data(), static_cast<std::size_t>(got));
      const std::size_t head = request.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      const std::size_t length = request.find("Content-Length: ");
      wanted = head + 4;
      if (exchange.reads_body && length < head) wanted += std::stoul(request.substr(length + 16));
    }
    requests_.push_back(std::move(request));
    EXPECT_GT(::send(connection.get(), exchange.answer.data(), exchange.answer.size(), MSG_NOSIGNAL), 0);
  }

  os::Fd listener_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

constexpr const char* kPong = "HTTP/1.0 200 OK\r\n\r\nOK";

ArchiveSource archive_of(std::string bytes) {
  const std::size_t size = bytes.size();
  return {.size = size, .write = [bytes = std::move(bytes)](const layer::ByteSink& sink) {
            return sink(std::as_bytes(std::span(bytes)));
          }};
}

class EngineTest : public testing::Test {
 protected:
  std::string program(const std::string& name, const std::string& script) {
    must(os::make_directories(directory_ / "bin"));
    must(os::write_file(directory_ / ("bin/" + name), "#!/bin/sh\n" + script, 0755));
    return directory_ / ("bin/" + name);
  }
  /// Nothing of the machine is found.
  EngineEnvironment environment() {
    return {.docker_host = "", .sockets = {directory_ / "docker.sock"}, .path = directory_ / "bin"};
  }

  TemporaryDirectory directory_;
};

TEST_F(EngineTest, DockerIfItsSocketAnswers) {
  program("podman", "exit 0\n");
  FakeEngine engine(directory_ / "docker.sock", {{kPong}});
  EXPECT_EQ(must(find_engine(environment())), Engine(DockerSocket{directory_ / "docker.sock"}));
}

TEST_F(EngineTest, ElsePodman) {
  const std::string podman = program("podman", "exit 0\n");
  EXPECT_EQ(must(find_engine(environment())), Engine(Podman{podman}));
}

TEST_F(EngineTest, AnEngineThatIsNotReadyIsNotTaken) {
  const std::string podman = program("podman", "exit 0\n");
  FakeEngine engine(directory_ / "docker.sock", {{"HTTP/1.0 503 Service Unavailable\r\n\r\n"}});
  EXPECT_EQ(must(find_engine(environment())), Engine(Podman{podman}));
}

TEST_F(EngineTest, NeitherIsTheMachinesFault) {
  const auto engine = find_engine(environment());
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().kind, ErrorKind::kMachine);
  EXPECT_THAT(engine.error().message(), HasSubstr(directory_ / "docker.sock"));
  EXPECT_THAT(engine.error().message(), HasSubstr("podman"));
}

TEST_F(EngineTest, DockerHostIsTheOnlyOneAsked) {
  program("podman", "exit 0\n");
  EngineEnvironment at_socket = environment();
  at_socket.docker_host = "unix://" + (directory_ / "other.sock");
  const auto missing = find_engine(at_socket);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kMachine);
  EXPECT_THAT(missing.error().message(), HasSubstr("DOCKER_HOST"));
  FakeEngine engine(directory_ / "other.sock", {{kPong}});
  EXPECT_EQ(must(find_engine(at_socket)), Engine(DockerSocket{directory_ / "other.sock"}));
  EngineEnvironment remote = environment();
  remote.docker_host = "ssh://example.org";
  EXPECT_EQ(find_engine(remote).error().kind, ErrorKind::kMachine);
  const std::string client = program("docker", "exit 0\n");
  EXPECT_EQ(must(find_engine(remote)), Engine(DockerClient{client}));
}

TEST_F(EngineTest, SendsTheArchiveAndReportsWhatTheEngineSaid) {
  FakeEngine engine(
      directory_ / "docker.sock",
      {{"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"
        "{\"stream\":\"Loaded image: a:latest\\n\"}\r\n{\"stream\":\"Loaded image: b:2\\n\"}\r\n"}});
  const std::string bytes(5'000'000, 'b');
  const auto said =
      must(load_into(DockerSocket{directory_ / "docker.sock"}, archive_of(bytes), directory_ / "unused"));
  EXPECT_THAT(said, ElementsAre("Loaded image: a:latest", "Loaded image: b:2"));
  const std::string request = engine.requests().at(0);
  EXPECT_TRUE(request.starts_with("POST /images/load?quiet=1 HTTP/1.0\r\n"));
  EXPECT_TRUE(request.ends_with("\r\n\r\n" + bytes));
}

TEST_F(EngineTest, ErrorsAreTheEnginesWords) {
  const std::string socket = directory_ / "docker.sock";
  FakeEngine engine(socket,
                    {{"HTTP/1.0 200 OK\r\n\r\n{\"errorDetail\":{},\"error\":\"no space left\"}\r\n"},
                     {"HTTP/1.0 500 Oops\r\n\r\n{\"message\":\"broken archive\"}\r\n"}});
  for (const char* words : {"no space left", "broken archive"}) {
    const auto said = load_into(DockerSocket{socket}, archive_of("x"), directory_ / "unused");
    ASSERT_FALSE(said);
    EXPECT_EQ(said.error().kind, ErrorKind::kIo);
    EXPECT_THAT(said.error().message(), HasSubstr(words));
  }
}

TEST_F(EngineTest, AnEngineThatHangsUpEarlySaysWhy) {
  const std::string socket = directory_ / "docker.sock";
  FakeEngine engine(socket, {{.answer = "HTTP/1.0 403 No\r\n\r\n{\"message\":\"not allowed\"}\r\n",
                              .reads_body = false}});
  const auto said = load_into(DockerSocket{socket}, archive_of(std::string(50'000'000, 'x')), "unused");
  ASSERT_FALSE(said);
  // The answer may be lost with the connection (a reset discards it); an error it is in any case.
  EXPECT_THAT(said.error().message(), testing::AnyOf(HasSubstr("not allowed"), HasSubstr("can't send")));
}

TEST_F(EngineTest, PodmanGetsAFileThatGoesAfterwards) {
  const std::string podman =
      program("podman", "[ \"$1 $2\" = 'load -i' ] && printf 'Loaded image: %s\\n' \"$(cat \"$3\")\"\n");
  const auto said = must(load_into(Podman{podman}, archive_of("bytes"), directory_ / "archive"));
  EXPECT_THAT(said, ElementsAre("Loaded image: bytes"));
  EXPECT_EQ(output_of({"ls", directory_.path()}), "bin\n");
}

TEST_F(EngineTest, PodmansComplaintIsReported) {
  const std::string podman = program("podman", "echo 'Error: no' >&2; exit 125\n");
  const auto said = load_into(Podman{podman}, archive_of("bytes"), directory_ / "archive");
  ASSERT_FALSE(said);
  EXPECT_THAT(said.error().message(), HasSubstr("Error: no"));
}

TEST_F(EngineTest, TheAnnouncedSizeIsThatOfTheArchive) {
  FakeImage image;
  must(export_docker(image.request(), {.to = ToFile{image.directory() / "a.tar"}}));
  const std::string archive = must(os::read_file(image.directory() / "a.tar"));
  const std::string socket = directory_ / "docker.sock";
  FakeEngine engine(socket, {{kPong}, {"HTTP/1.0 200 OK\r\n\r\n{\"stream\":\"Loaded\"}"}});
  ASSERT_EQ(::setenv("DOCKER_HOST", ("unix://" + socket).c_str(), 1), 0);
  const Exported exported = must(export_docker(image.request(), {.to = ToEngine{}}));
  ::unsetenv("DOCKER_HOST");
  EXPECT_THAT(exported.messages, ElementsAre("Loaded"));
  EXPECT_TRUE(engine.requests().at(1).ends_with("\r\n\r\n" + archive));
}

}  // namespace
}  // namespace pgstrata::exporter
