// The options of `run` as they stand on the command line.
#pragma once

#include <string>
#include <vector>

#include "container/options.h"
#include "core/result.h"

namespace CLI {
class App;
}

namespace pgstrata::cli {

struct RunArguments {
  std::vector<std::string> env, env_files, volumes, ports, tmpfs, labels, add_hosts;
  std::vector<std::string> added_capabilities, dropped_capabilities, security_options;
  std::string network, name, user, entrypoint, working_dir, hostname, shm_size, memory, stop_signal;
  int stop_timeout = 10;
  bool detach = false;
  bool auto_remove = false;
  bool interactive = false;
  bool terminal = false;
  bool read_only = false;
  bool watch = false;
};

void add_run_options(CLI::App& app, RunArguments& arguments);

/// Checks them; kUsage says which one is wrong. `app` tells which were given, and what stands behind them.
Result<container::RunOptions> to_run_options(const CLI::App& app, const RunArguments& arguments);

}  // namespace pgstrata::cli
