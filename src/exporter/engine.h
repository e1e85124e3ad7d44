// The container engine of this machine, as something that takes an image: Docker through its API
// (https://docs.docker.com/reference/api/engine/, POST /images/load), so that no client has to be
// installed and no archive is written; podman, which has no daemon, through its own `podman load`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "core/result.h"
#include "layer/tar_stream.h"

namespace pgstrata::exporter {

struct DockerSocket {
  std::string path;
  bool operator==(const DockerSocket&) const = default;
};
/// For a DOCKER_HOST that isn't a socket (ssh://, tcp:// with TLS): the client knows how to reach it.
struct DockerClient {
  std::string program;
  bool operator==(const DockerClient&) const = default;
};
struct Podman {
  std::string program;
  bool operator==(const Podman&) const = default;
};
using Engine = std::variant<DockerSocket, DockerClient, Podman>;

/// What decides which engine it is.
struct EngineEnvironment {
  std::string docker_host;           ///< $DOCKER_HOST: then no other is looked for
  std::vector<std::string> sockets;  ///< where Docker listens otherwise, in this order
  std::string path;                  ///< $PATH
};
/// Sockets: /var/run/docker.sock, and $XDG_RUNTIME_DIR/docker.sock of a rootless Docker.
[[nodiscard]] EngineEnvironment engine_environment();

/// The first Docker that answers, else podman. kMachine that says where was looked and what is missing.
Result<Engine> find_engine(const EngineEnvironment& environment);

/// A docker archive whose size is known before it is written.
struct ArchiveSource {
  std::uint64_t size = 0;
  std::function<Result<void>(const layer::ByteSink&)> write;
};

/// Hands the archive over; what the engine said, line by line ("Loaded image: a:latest"). What a program
/// has to read from a file is written to `temporary` first and removed. kIo with the engine's words if it
/// refuses.
Result<std::vector<std::string>> load_into(const Engine& engine, const ArchiveSource& archive,
                                           const std::string& temporary);

}  // namespace pgstrata::exporter
