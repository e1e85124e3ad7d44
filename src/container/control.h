// What is done to a container that runs: signals, stopping, one more process in it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "container/record.h"
#include "container/runtime.h"
#include "core/result.h"

namespace pgstrata::container {

/// Asks a monitor (a child of ours) to pass a signal to its container's first process.
void forward_to(pid_t monitor, int number);

/// The same for a container of the store; kUsage if it doesn't run.
Result<void> send_signal(const Container& container, int number);
/// Its stop signal, SIGKILL after `grace`; returns when it has ended and its directory is settled. One that
/// doesn't run is left as it is. An initial `signal` takes the place of the image's.
Result<void> stop(const Container& container, std::chrono::seconds grace, std::optional<int> signal = {});

struct ExecOptions {
  std::vector<std::string> argv;
  std::vector<std::string> env;     ///< "NAME=value", put into the container's environment
  std::optional<std::string> user;  ///< as in USER; none: the container's
  std::string working_dir;          ///< empty: the container's
  bool interactive = false;
  bool terminal = false;
  bool detach = false;
};
/// Runs a program in a container; its exit code, or Docker's 126/127 if it can't be executed. The calling
/// process must have one thread; it enters the container's namespaces for good. kUsage if the container
/// doesn't run.
Result<int> exec(const Container& container, const ExecOptions& options);

}  // namespace pgstrata::container
