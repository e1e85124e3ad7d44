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
  bool foreground = false;  // give it the terminal, if stdin is one (an interactive shell)
  int inherited_fd = -1;    // one descriptor that stays open in the child (a secret), or -1
};

struct Started {
  pid_t pid = -1;      // also the id of the child's process group
  int exec_errno = 0;  // why exec failed; then there is no child any more
};

/// Forks and executes. Returns after exec has succeeded or failed. Throws std::system_error if fork itself
/// fails.
Started start(const Command& command, const sigset_t& signal_mask);

}  // namespace pg_entrypoint
