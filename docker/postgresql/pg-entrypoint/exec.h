// Starting a child: its own process group, the original signal mask and default actions, an explicit
// environment.
#pragma once
#include <sys/types.h>

#include <csignal>
#include <string>
#include <vector>

#include "environment.h"

namespace pg_entrypoint {

struct Command {
  std::vector<std::string> argv;  // argv[0] is looked up in the child's PATH
  Environment environment;
  bool foreground = false;     // give it the terminal, if stdin is one (an interactive shell)
  std::vector<int> inherited;  // descriptors that stay open in the child (secrets)
  int output_fd = -1;  // where stdout and stderr go (then stdin is empty); -1: as this process has them
  bool drop_stdout = false;  // what the child says on stdout is of no use
  int death_signal = 0;      // what the child gets should this process die
};

struct Started {
  pid_t pid = -1;      // also the id of the child's process group
  int exec_errno = 0;  // why exec failed, or fork before it; then there is no child any more
};

/// Forks and executes. Returns after exec has succeeded or failed. It never throws: that there can be no
/// further process now is no reason for PID 1 to end those that there are.
Started start(const Command& command, const sigset_t& signal_mask);

/// What to do about an `exec_errno`.
std::string start_remedy(int exec_errno);

}  // namespace pg_entrypoint
