#include "reaper.h"

#include <dirent.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "exit_code.h"

namespace pg_entrypoint {
namespace {

/// The parent's id from /proc/PID/stat. The second field is a name in parentheses that may hold spaces and
/// ')'.
pid_t parent_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos || name_end + 4 > line.size()) return -1;
  return static_cast<pid_t>(std::strtol(line.c_str() + name_end + 4, nullptr, 10));
}

std::set<pid_t> children() {
  std::set<pid_t> result;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  if (!proc) return result;
  while (const dirent* entry = readdir(proc.get())) {
    const auto pid = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    if (pid > 0 && parent_of(pid) == getpid()) result.insert(pid);
  }
  return result;
}

}  // namespace

void become_reaper() { prctl(PR_SET_CHILD_SUBREAPER, 1); }

std::vector<EndedProcess> reap() {
  std::vector<EndedProcess> ended;
  for (;;) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    if (pid <= 0) return ended;
    ended.push_back({pid, status});
  }
}

int end_strays(const std::set<pid_t>& spared) {
  int killed = 0;
  // A killed process hands its children over to us, so ask again until nobody is left.
  for (;;) {
    std::set<pid_t> strays = children();
    for (const pid_t pid : spared) strays.erase(pid);
    if (strays.empty()) return killed;
    for (const pid_t pid : strays) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
      ++killed;
    }
  }
}

int exit_code_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? exit_code::kSignalBase + WTERMSIG(wait_status)
                                  : WEXITSTATUS(wait_status);
}

}  // namespace pg_entrypoint
