// The contract of variables: read once, checked as a whole, handed to the scripts with every default filled
// in.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "environment.h"
#include "log.h"

namespace pg_entrypoint {

struct Options {
  std::string pgdata;
  std::string pgconfig;
  std::string home;        // where entrypoint.sh and its scripts are
  std::string socket_dir;  // of the Unix socket that clients in the container and the health check use
  Level log_level = Level::kInfo;
  bool sleep_mode = false;
  std::chrono::seconds timeout{30};  // how long a fast shutdown may take
  std::string auth_method;           // of connections over TCP
  std::optional<std::string> password;

  /// The variables of the scripts: checked, defaulted, without any password.
  Environment scripts;
};

struct LoadedOptions {
  Options options;
  std::vector<std::string>
      errors;  // all of them, each a full sentence; `options` is of use only without any
  std::vector<std::string> warnings;
};

/// Reads the environment and the files it names. Writes nothing and never throws for what a user got wrong.
LoadedOptions load_options(const Environment& environment);

/// The folder of the Unix socket: PGHOST, where libpq looks, if that is a path, else /run/postgresql.
std::string socket_dir(const Environment& environment);

/// What `postgres` itself may see: the environment without secrets and their files' names.
Environment without_secrets(Environment environment);

}  // namespace pg_entrypoint
