// What `run` is asked for, and how its options are written. The words are `docker run`'s.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/result.h"

namespace pgstrata::container {

struct HostDirectory {
  std::string path;  ///< absolute, or relative to the caller's directory when it begins with a dot
};
struct NamedVolume {
  std::string name;
};
struct AnonymousVolume {};

/// -v [SOURCE:]TARGET[:OPTIONS]
struct Volume {
  std::variant<HostDirectory, NamedVolume, AnonymousVolume> source;
  std::string target;  ///< absolute
  bool read_only = false;
  bool copy = true;  ///< a new volume starts with what the image has at `target`
};
/// kUsage says what is wrong with it.
Result<Volume> parse_volume(std::string_view text);

/// --tmpfs TARGET[:OPTIONS], options as in mount(8).
struct Tmpfs {
  std::string target;
  std::vector<std::string> options;
};
Result<Tmpfs> parse_tmpfs(std::string_view text);

/// -p [ADDRESS:]HOST:CONTAINER[/tcp]
struct PublishedPort {
  std::string address;  ///< "" is every address of the machine
  std::uint16_t host = 0;
  std::uint16_t container = 0;
  bool operator==(const PublishedPort&) const = default;
};
/// One port number alone means the same on both sides. Ranges, UDP and ports chosen by chance are refused.
Result<PublishedPort> parse_port(std::string_view text);

enum class Network {
  kHost,     ///< the machine's interfaces
  kPrivate,  ///< a loopback interface of its own; published ports are forwarded into it
  kNone,     ///< a loopback interface of its own
};
Result<Network> parse_network(std::string_view text);
[[nodiscard]] const char* name(Network network);
/// Without --network: the machine's, unless a published port asks for another number or address than the
/// program's own.
[[nodiscard]] Network default_network(const std::vector<PublishedPort>& ports);

/// "64m", "1g", "512k", "4096": bytes.
Result<std::uint64_t> parse_size(std::string_view text);
/// "TERM", "SIGTERM" or "15".
Result<int> parse_signal(std::string_view text);
/// "TERM" and so on without SIG, or the number.
[[nodiscard]] std::string signal_name(int number);

/// -e NAME=VALUE, or -e NAME for the caller's own value (nothing if it has none).
[[nodiscard]] std::optional<std::string> parse_environment(std::string_view text);
/// --env-file: one of these per line; empty lines and lines that begin with # don't count.
Result<std::vector<std::string>> read_environment_file(const std::string& path);

/// ID or name of a container, or name of a volume: letters, digits, and _ . - behind the first.
[[nodiscard]] bool is_valid_name(std::string_view text);

struct RunOptions {
  std::string image;  ///< as written, for ps
  std::vector<std::string> command;
  std::optional<std::string> entrypoint;  ///< "" takes the image's away
  std::vector<std::string> env;           ///< "NAME=value", later ones win
  std::vector<Volume> volumes;
  std::vector<Tmpfs> tmpfs;
  std::vector<PublishedPort> ports;
  std::optional<Network> network;
  std::vector<std::pair<std::string, std::string>> extra_hosts;  ///< name, address
  std::string name;
  std::string hostname;
  std::optional<std::string> user;
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::vector<std::string> added_capabilities;
  std::vector<std::string> dropped_capabilities;
  bool no_new_privileges = false;
  bool seccomp = true;
  bool detach = false;
  bool auto_remove = false;
  bool interactive = false;
  bool terminal = false;
  bool read_only = false;
  std::uint64_t shm_bytes = 64U << 20;
  std::optional<std::uint64_t> memory_bytes;
  std::optional<int> stop_signal;
  int stop_timeout = 10;  ///< seconds
};

}  // namespace pgstrata::container
