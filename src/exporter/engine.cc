#include "exporter/engine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "exporter/engine_socket.h"
#include "exporter/output_file.h"
#include "os/process.h"

namespace pgstrata::exporter {
namespace {

using Json = nlohmann::json;

constexpr int kPingSeconds = 5;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// True if a Docker (or podman's service, which speaks the same API) answers at `path`.
Result<void> ping(const std::string& path) {
  EngineSocket socket = TRY(EngineSocket::connect(path));
  TRY_VOID(socket.set_timeout(kPingSeconds));
  TRY_VOID(socket.request("GET", "/_ping", "", 0));
  const HttpAnswer answer = TRY(socket.answer());
  if (answer.status == 200) return {};
  return fail({.kind = ErrorKind::kMachine,
               .what = "the container engine isn't ready",
               .where = path,
               .why = fmt::format("it answered {}", answer.status)});
}

tl::unexpected<Error> no_engine(std::string why, std::string next) {
  return fail({.kind = ErrorKind::kMachine,
               .what = "no container engine to load the image into",
               .why = std::move(why),
               .next = std::move(next)});
}

Result<Engine> engine_of_host(const EngineEnvironment& environment) {
  constexpr std::string_view kUnix = "unix://";
  const std::string& host = environment.docker_host;
  if (host.starts_with(kUnix)) {
    const std::string path = host.substr(kUnix.size());
    const auto answered = ping(path);
    if (answered) return Engine(DockerSocket{path});
    return no_engine(fmt::format("DOCKER_HOST={}: {}", host, answered.error().message()),
                     "start Docker there, or unset DOCKER_HOST");
  }
  if (const std::string client = os::find_program("docker", environment.path); !client.empty())
    return Engine(DockerClient{client});
  return no_engine(fmt::format("DOCKER_HOST={} needs the docker client, which isn't in PATH", host),
                   "install docker-ce-cli or docker.io, or set DOCKER_HOST=unix://…");
}

/// Lines of text without blank ones.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  os::LineSplitter splitter([&](std::string_view line) {
    if (!line.empty()) lines.emplace_back(line);
  });
  splitter.add(text);
  splitter.finish();
  return lines;
}

tl::unexpected<Error> refused(const std::string& where, std::string why) {
  return fail({.kind = ErrorKind::kIo,
               .what = "the container engine didn't take the image",
               .where = where,
               .why = std::move(why)});
}

std::string text_field(const Json& json, const char* name) {
  if (!json.is_object()) return "";
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

/// The engine reports as a stream of JSON objects: {"stream":…}, {"status":…}, {"error":…}. Older ones
/// answer in plain text when there is nothing to stream.
Result<std::vector<std::string>> read_report(const HttpAnswer& answer, const std::string& where) {
  std::vector<std::string> said;
  for (const std::string& line : lines_of(answer.body)) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (const std::string error = text_field(json, "error"); !error.empty()) return refused(where, error);
    if (const std::string message = text_field(json, "message"); answer.status >= 400)
      return refused(where, message.empty() ? line : message);
    for (std::string& text : lines_of(json.is_discarded() ? line : text_field(json, "stream")))
      said.push_back(std::move(text));
  }
  if (answer.status >= 400) return refused(where, fmt::format("it answered {}", answer.status));
  return said;
}

Result<std::vector<std::string>> load_through_socket(const DockerSocket& docker,
                                                     const ArchiveSource& archive) {
  EngineSocket socket = TRY(EngineSocket::connect(docker.path));
  TRY_VOID(socket.request("POST", "/images/load?quiet=1", "application/x-tar", archive.size));
  bool peer_is_done = false;
  const layer::ByteSink sink = [&](std::span<const std::byte> bytes) {
    auto sent = socket.send({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    peer_is_done = !sent;
    return sent;
  };
  const auto written = archive.write(sink);
  // An engine that refuses says why and hangs up before it has read everything.
  auto answer = written || peer_is_done ? socket.answer() : Result<HttpAnswer>(fail(written.error()));
  if (!answer) return fail(written ? answer.error() : written.error());
  auto report = TRY(read_report(*answer, docker.path));
  if (!written) return fail(written.error());
  return report;
}

Result<std::vector<std::string>> load_with_program(const std::string& program, const ArchiveSource& archive,
                                                   const std::string& temporary) {
  const OutputFile file = TRY(OutputFile::create(temporary));
  TRY_VOID(archive.write(file.sink()));
  const os::Command command{.argv = {program, "load", "-i", file.path_to_read()},
                            .env = os::environment_with({})};
  const os::Captured result = TRY(os::capture(command));
  if (os::succeeded(result.status)) return lines_of(result.out);
  const std::vector<std::string> complaint = lines_of(result.err);
  return refused(program, complaint.empty() ? os::describe(result.status) : complaint.back());
}

}  // namespace

EngineEnvironment engine_environment() {
  EngineEnvironment result{.docker_host = environment("DOCKER_HOST"),
                           .sockets = {"/var/run/docker.sock"},
                           .path = environment("PATH")};
  if (const std::string runtime = environment("XDG_RUNTIME_DIR"); !runtime.empty())
    result.sockets.push_back(runtime + "/docker.sock");
  return result;
}

Result<Engine> find_engine(const EngineEnvironment& environment) {
  if (!environment.docker_host.empty()) return engine_of_host(environment);
  std::string tried;
  for (const std::string& socket : environment.sockets) {
    const auto answered = ping(socket);
    if (answered) return Engine(DockerSocket{socket});
    tried += answered.error().message() + "; ";
  }
  if (const std::string podman = os::find_program("podman", environment.path); !podman.empty())
    return Engine(Podman{podman});
  return no_engine(
      tried + "podman isn't in PATH",
      "start Docker (and see that you may use its socket) or install podman; or write an archive "
      "with --output type=docker,dest=FILE");
}

Result<std::vector<std::string>> load_into(const Engine& engine, const ArchiveSource& archive,
                                           const std::string& temporary) {
  if (const auto* docker = std::get_if<DockerSocket>(&engine)) return load_through_socket(*docker, archive);
  const auto* client = std::get_if<DockerClient>(&engine);
  const std::string& program = client != nullptr ? client->program : std::get<Podman>(engine).program;
  return load_with_program(program, archive, temporary);
}

}  // namespace pgstrata::exporter
