// The last part of the way: from a fork inside the new namespaces to the program. It runs in a copy of
// a process with many threads, where another one may have held malloc's lock: system calls only.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "sandbox/limits.h"

namespace pgstrata::sandbox {

/// The step that failed before the program began; text for each is in describe().
enum class Step : int {
  kNone,
  kOuterProcess,
  kProgramProcess,
  kMountProc,
  kMaskProc,
  kPivotRoot,
  kWorkingDirectory,
  kStandardStreams,
  kLimits,
  kBoundingSet,
  kFilter,
  kGroups,
  kGroup,
  kUser,
  kCapabilities,
};
[[nodiscard]] const char* describe(Step step);

/// What goes through the report pipe, once: how the program ended, or why it never began.
struct Report {
  Step failed = Step::kNone;
  int error = 0;   ///< errno of the failed step
  int status = 0;  ///< as wait4 gives it, if no step failed
};

/// All that is needed after the fork, prepared before it. Descriptors stay the preparing side's.
struct ProgramPlan {
  int root = -1;  ///< the root file system's mount, attached
  int proc = -1;  ///< O_PATH: where /proc goes
  int null = -1;  ///< /dev/null of the root file system, opened for reading and writing
  int stdout_pipe = -1;
  int stderr_pipe = -1;
  int lifeline = -1;  ///< read end; its other end is open as long as pgstrata lives
  int report = -1;    ///< write end
  std::string cwd;
  std::string not_found;  ///< complete messages for stderr; errno's text is known only later
  std::string not_runnable;
  std::vector<std::string> candidates;  ///< paths to try for argv[0], in order
  std::vector<const char*> candidate_pointers;
  std::vector<char*> argv;  ///< null-terminated, into the ProcessSpec
  std::vector<char*> env;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::vector<Limit> limits;
  bool insecure = false;       ///< ProcessSpec::insecure
  bool can_set_groups = true;  ///< false where only our own id is mapped: the kernel denies setgroups
  std::vector<sock_filter> filter;
  sock_fprog filter_program{};
};

/// Turns the calling process, the first of its PID namespace, into the program. Never returns: a failed
/// step goes to `plan.report`; a program that can't be executed exits with 127 or 126, the reason on
/// stderr.
[[noreturn]] void become_program(const ProgramPlan& plan);

/// Writes a report; to be called once.
void send_report(int fd, const Report& report);

}  // namespace pgstrata::sandbox
