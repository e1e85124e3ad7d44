#include "exec.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace pg_entrypoint {
namespace {

/// In a process of its own that may not start any other.
int started_without_processes() {
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && (setgid(65'533) != 0 || setuid(65'533) != 0)) _exit(1);
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_NPROC, &none) != 0) _exit(2);
    Command command;
    command.argv = {"true"};
    sigset_t mask{};
    try {
      const Started started = start(command, mask);
      _exit(started.exec_errno == EAGAIN && started.pid == -1 ? 0 : 3);
    } catch (...) {
      _exit(4);
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// PID 1 ended with it, and so did the server, whose backup was due.
TEST(Start, WithoutAProcessLeftItSaysSo) {
  EXPECT_EQ(started_without_processes(), 0);
  EXPECT_NE(start_remedy(EAGAIN).find("limit"), std::string::npos);
  EXPECT_EQ(start_remedy(ENOENT).find("limit"), std::string::npos);
}

}  // namespace
}  // namespace pg_entrypoint
