#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "container/control.h"
#include "container/mounted_tree.h"
#include "os/file.h"
#include "os/signals.h"
#include "users/users.h"

namespace pgstrata::container {
namespace {

struct Namespaces {
  os::Fd user;  ///< -1: it is ours
  os::Fd mount;
  os::Fd pid;
};

bool is_same_file(int fd, const char* path) {
  struct stat a {};
  struct stat b {};
  return ::fstat(fd, &a) == 0 && ::stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

Result<Namespaces> open_namespaces(const Container& container) {
  const auto* running = std::get_if<Running>(&container.state);
  const auto not_running = [&] {
    return fail(
        {.kind = ErrorKind::kUsage, .what = "the container isn't running", .where = container.record.name});
  };
  if (running == nullptr) return not_running();
  const std::string base = fmt::format("/proc/{}/ns/", running->monitor.pid);
  Namespaces found;
  found.user = TRY(os::open(base + "user", O_RDONLY));
  found.mount = TRY(os::open(base + "mnt", O_RDONLY));
  found.pid = TRY(os::open(base + "pid", O_RDONLY));
  // Looked at after they were opened: they were that process's and no other's.
  if (!is_alive(running->monitor)) return not_running();
  if (is_same_file(found.user.get(), "/proc/self/ns/user")) found.user.reset();
  return found;
}

Result<void> enter(const Namespaces& namespaces) {
  const auto cant = [] { return fail(system_error("can't enter the container's namespaces", "")); };
  if (namespaces.user) {
    if (::setns(namespaces.user.get(), CLONE_NEWUSER) != 0) return cant();
    if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) return cant();
  }
  if (::setns(namespaces.pid.get(), CLONE_NEWPID) != 0) return cant();
  if (::setns(namespaces.mount.get(), CLONE_NEWNS) != 0) return cant();
  return {};
}

Result<Process> plan_exec(const Container& container, const ExecOptions& options) {
  Process process = container.record.process;
  process.terminal = options.terminal;
  process.argv = options.argv;
  if (!options.working_dir.empty()) process.cwd = options.working_dir;
  if (options.terminal) process.env.emplace_back("TERM=xterm");
  for (const std::string& variable : options.env) process.env.push_back(variable);
  if (!options.user) return process;
  const MountedTree tree(container.directory + "/rootfs");
  const users::Identity identity = TRY(users::resolve_identity(tree, *options.user));
  process.uid = identity.uid;
  process.gid = identity.gid;
  process.groups = identity.groups;
  std::erase_if(process.env, [](const std::string& variable) { return variable.starts_with("HOME="); });
  process.env.push_back("HOME=" + identity.home);
  return process;
}

/// Becomes the runtime.
[[noreturn]] void become(const std::vector<std::string>& arguments, bool has_input) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (!has_input) {
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(null, STDIN_FILENO);
  }
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  os::reset_signals();
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

/// Waits for the runtime, and passes on what was sent to us alone: what the terminal sends reaches it
/// anyway.
int wait_for(pid_t child) {
  sigset_t all;
  sigfillset(&all);
  for (const int number : {SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE}) sigdelset(&all, number);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  for (;;) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child)
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    siginfo_t info{};
    const int number = ::sigwaitinfo(&all, &info);
    if (number > 0 && number != SIGCHLD && info.si_code <= 0) ::kill(child, number);
  }
}

}  // namespace

Result<int> exec(const Container& container, const ExecOptions& options) {
  const Runtime runtime = TRY(find_runtime());
  const Namespaces namespaces = TRY(open_namespaces(container));
  const bool rootless = static_cast<bool>(namespaces.user) || ::geteuid() != 0;
  TRY_VOID(enter(namespaces));
  const std::string directory = container.directory + "/runtime";
  const Process process = TRY(plan_exec(container, options));
  std::string mine = directory + "/exec-XXXXXX";
  const os::Fd file(::mkostemp(mine.data(), O_CLOEXEC));
  if (!file) return fail(system_error("can't describe the process", mine));
  TRY_VOID(os::write_all(file.get(), to_json(process), mine));
  const RuntimeCall call{.state_directory = directory + "/state",
                         .log_file = mine + ".log",
                         .rootless = rootless,
                         .id = container.record.id};
  const std::vector<std::string> arguments = exec_arguments(runtime, call, mine, options.detach);
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  const pid_t child = ::fork();
  if (child < 0) return fail(system_error("can't start the OCI runtime", ""));
  if (child == 0) become(arguments, options.interactive);
  const int code = wait_for(child);
  const std::string error = last_error(call.log_file);
  ::unlink(mine.c_str());
  ::unlink(call.log_file.c_str());
  // The runtime has one code of its own for all its failures; what it says tells them apart.
  return error.empty() || code == 0 ? code : failure_code(error);
}

}  // namespace pgstrata::container
