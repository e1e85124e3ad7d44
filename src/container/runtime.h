// The OCI runtime of the machine: which program, and how it is called.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pgstrata::container {

struct Runtime {
  std::string program;  ///< absolute path
  bool is_crun = false;
};

/// $PGSTRATA_RUNTIME if it is set; else runc, else crun: the older crun (1.8.1 in Debian 12) refuses a
/// machine with hybrid control groups, so there it isn't taken by itself. kMachine if there is none.
Result<Runtime> find_runtime();

/// What is the same in all calls for one container.
struct RuntimeCall {
  std::string state_directory;
  std::string log_file;  ///< gets the runtime's own errors, as JSON lines
  bool rootless = false;
  std::string id;
};
/// Creates and starts a container from the bundle in the working directory. It goes on when the call ends.
[[nodiscard]] std::vector<std::string> run_arguments(const Runtime& runtime, const RuntimeCall& call,
                                                     const std::string& pid_file,
                                                     const std::string& console_socket);
/// Runs one more process in it, to its end unless detached.
[[nodiscard]] std::vector<std::string> exec_arguments(const Runtime& runtime, const RuntimeCall& call,
                                                      const std::string& process_file, bool detach);

/// The last error in a runtime's log; empty if there is none.
[[nodiscard]] std::string last_error(const std::string& log_file);
/// Docker's exit code for a program that a runtime couldn't start: 127 not found, 126 not executable, 125
/// anything else.
[[nodiscard]] int failure_code(std::string_view message);

}  // namespace pgstrata::container
