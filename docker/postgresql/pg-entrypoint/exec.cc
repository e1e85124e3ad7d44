#include "exec.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace pg_entrypoint {
namespace {

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// In the child as well.
void redirect(const Command& command) {
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (command.output_fd >= 0) {
    if (nothing >= 0) dup2(nothing, STDIN_FILENO);
    dup2(command.output_fd, STDOUT_FILENO);
    dup2(command.output_fd, STDERR_FILENO);
  }
  if (command.drop_stdout && nothing >= 0) dup2(nothing, STDOUT_FILENO);
}

/// In the child: only calls that are safe between fork and exec, and no allocation.
[[noreturn]] void become(char* const* argv, char** environment, const Command& command,
                         const sigset_t& mask, int failure) {
  setpgid(0, 0);
  // SIGTTOU is still blocked here, so a background process may take the terminal.
  if (command.foreground && isatty(STDIN_FILENO) != 0) tcsetpgrp(STDIN_FILENO, getpid());
  if (command.death_signal != 0) prctl(PR_SET_PDEATHSIG, command.death_signal);
  for (const int fd : command.inherited) fcntl(fd, F_SETFD, 0);
  redirect(command);
  for (int signal = 1; signal < NSIG; ++signal)
    std::signal(signal, SIG_DFL);  // ignored ones would be inherited
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  environ = environment;
  execvp(argv[0], argv);
  const int error = errno;
  const ssize_t written = write(failure, &error, sizeof error);
  _exit(written == static_cast<ssize_t>(sizeof error) ? 127 : 126);
}

}  // namespace

Started start(const Command& command, const sigset_t& signal_mask) {
  std::array<int, 2> failure{};  // closed by a successful exec, carries errno of a failed one
  if (pipe2(failure.data(), O_CLOEXEC) != 0) return {-1, errno};
  std::vector<std::string> arguments = command.argv;
  std::vector<std::string> variables = command.environment.strings();
  const std::vector<char*> argv = pointers(arguments);
  std::vector<char*> environment = pointers(variables);

  const pid_t pid = fork();
  if (pid == 0) become(argv.data(), environment.data(), command, signal_mask, failure[1]);
  const int fork_errno = errno;
  close(failure[1]);
  if (pid < 0) {
    close(failure[0]);
    return {-1, fork_errno};
  }
  setpgid(pid, pid);  // in both processes: neither may run on before the group exists

  Started result{pid, 0};
  int error = 0;
  ssize_t got = 0;
  do got = read(failure[0], &error, sizeof error);
  while (got < 0 && errno == EINTR);
  close(failure[0]);
  if (got == static_cast<ssize_t>(sizeof error)) {
    waitpid(pid, nullptr, 0);
    result.exec_errno = error;
  }
  return result;
}

std::string start_remedy(int exec_errno) {
  if (exec_errno == EAGAIN || exec_errno == ENOMEM || exec_errno == EMFILE || exec_errno == ENFILE)
    return "a limit of the container on processes, memory or open files is reached; raise it";
  return "check that it is installed, and the PATH of the container";
}

}  // namespace pg_entrypoint
