#include "os/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include "os/fd.h"
#include "os/file.h"
#include "os/signals.h"

extern char** environ;

namespace pgstrata::os {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  // execve's prototype lacks a const that it honours.
  for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

std::string_view path_of(const std::vector<std::string>& env) {
  for (const std::string_view entry : env)
    if (entry.starts_with("PATH=")) return entry.substr(5);
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

Result<std::string> program_path(const Command& command) {
  if (command.argv.empty()) return fail({.kind = ErrorKind::kUsage, .what = "there is no program to run"});
  const std::string& name = command.argv.front();
  std::string path = name.find('/') != std::string::npos ? name : find_program(name, path_of(command.env));
  if (path.empty() || ::access(path.c_str(), F_OK) != 0)
    return fail({.kind = ErrorKind::kNotFound, .what = "can't find the program", .where = name});
  return path;
}

struct Pipe {
  Fd read;
  Fd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(system_error("can't make a pipe", ""));
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd> make_input(const std::string& text) {
  if (text.empty()) return open("/dev/null", O_RDONLY);
  Fd fd(::memfd_create("stdin", MFD_CLOEXEC));
  if (!fd) return fail(system_error("can't make a memory file", ""));
  TRY_VOID(write_all(fd.get(), text, "stdin"));
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

/// All that the child needs, made before fork: after it only async-signal-safe calls are allowed.
struct ChildPlan {
  const char* path;
  char* const* argv;
  char* const* env;
  const char* cwd;
  pid_t parent;
  int umask;
  int in;
  int out;
  int err;
  int report;  ///< errno goes here if exec doesn't happen; closed by exec
};

[[noreturn]] void report_and_exit(const ChildPlan& plan) {
  const int code = errno;
  static_cast<void>(!::write(plan.report, &code, sizeof code));
  ::_exit(127);
}

[[noreturn]] void become(const ChildPlan& plan) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != plan.parent) ::_exit(127);  // the parent died before prctl
  reset_signals();
  // dup2 onto itself would leave O_CLOEXEC set: all three sources are above 2 unless 0-2 were closed.
  if (::dup2(plan.in, 0) < 0 || ::dup2(plan.out, 1) < 0 || ::dup2(plan.err, 2) < 0) report_and_exit(plan);
  // What our caller left open is none of its business, and dash, in a hook of apt's, can't name descriptors
  // above 9.
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (plan.umask >= 0) ::umask(static_cast<mode_t>(plan.umask));
  if (*plan.cwd != '\0' && ::chdir(plan.cwd) != 0) report_and_exit(plan);
  ::execve(plan.path, plan.argv, plan.env);
  report_and_exit(plan);
}

/// A running program, reaped at the latest when it goes.
class Child {
 public:
  Child(pid_t pid, Fd pidfd, Fd out, Fd err)
      : pid_(pid), pidfd_(std::move(pidfd)), out_(std::move(out)), err_(std::move(err)) {}
  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        pidfd_(std::move(other.pidfd_)),
        out_(std::move(other.out_)),
        err_(std::move(other.err_)) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ < 0) return;
    signal_group(SIGKILL);
    reap();
  }

  void signal_group(int signal) const { ::kill(-pid_, signal); }

  /// Waits for the leader, after killing what else is left in its group.
  ExitStatus reap() {
    // The leader stays a zombie until waitpid, so its group id can't belong to anybody else yet.
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
    signal_group(SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    if (WIFSIGNALED(status)) return Signalled{WTERMSIG(status)};
    return Exited{WEXITSTATUS(status)};
  }

  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  [[nodiscard]] Fd& out() { return out_; }
  [[nodiscard]] Fd& err() { return err_; }

 private:
  pid_t pid_;
  Fd pidfd_;
  Fd out_;
  Fd err_;
};

Result<Child> start(const Command& command) {
  const std::string path = TRY(program_path(command));
  const auto argv = pointers(command.argv);
  const auto env = pointers(command.env);
  const Fd input = TRY(make_input(command.input));
  Pipe out = TRY(make_pipe());
  Pipe err = TRY(make_pipe());
  Pipe report = TRY(make_pipe());
  const ChildPlan plan{.path = path.c_str(),
                       .argv = argv.data(),
                       .env = env.data(),
                       .cwd = command.cwd.c_str(),
                       .parent = ::getpid(),
                       .umask = command.umask,
                       .in = input.get(),
                       .out = command.stdout_fd >= 0 ? command.stdout_fd : out.write.get(),
                       .err = err.write.get(),
                       .report = report.write.get()};
  const pid_t pid = ::fork();
  if (pid < 0) return fail(system_error("can't start a process", path));
  if (pid == 0) become(plan);
  ::setpgid(pid, pid);  // also here: whoever is first, the group exists before it is signalled
  Child child(pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))), std::move(out.read),
              std::move(err.read));
  out.write.reset();
  err.write.reset();
  report.write.reset();
  int code = 0;
  ssize_t count = 0;
  while ((count = ::read(report.read.get(), &code, sizeof code)) < 0 && errno == EINTR) {
  }
  if (count == sizeof code) return fail(system_error("can't start the program", path, code));
  if (child.pidfd() < 0) return fail(system_error("can't watch the program", path));
  ::fcntl(child.out().get(), F_SETFL, O_NONBLOCK);
  ::fcntl(child.err().get(), F_SETFL, O_NONBLOCK);
  return child;
}

/// Hands on what can be read now; closes the descriptor at its end.
void drain(Fd& fd, Stream stream, const OutputSink& output) {
  std::array<char, 65536> buffer;
  while (fd) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
      fd.reset();
      return;
    }
    if (output) output(stream, {buffer.data(), static_cast<size_t>(count)});
  }
}

struct Wakeup {
  Fd fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  void operator()() const {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(fd.get(), &one, sizeof one));
  }
};

int timeout_ms(const std::optional<Clock::time_point>& deadline) {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

/// Until the leader has ended. True: it was stopped.
bool supervise(Child& child, const Command& command, const OutputSink& output,
               const std::stop_token& stop) {
  Wakeup wakeup;
  const std::stop_callback on_stop(stop, [&wakeup] { wakeup(); });
  std::optional<Clock::time_point> deadline;
  bool stopped = false;
  for (;;) {
    std::array<pollfd, 4> fds{pollfd{child.pidfd(), POLLIN, 0}, pollfd{child.out().get(), POLLIN, 0},
                              pollfd{child.err().get(), POLLIN, 0},
                              pollfd{stopped ? -1 : wakeup.fd.get(), POLLIN, 0}};
    const int ready = ::poll(fds.data(), fds.size(), timeout_ms(deadline));
    if (ready == 0 && deadline) {
      child.signal_group(SIGKILL);
      deadline.reset();
    }
    if (ready <= 0) continue;
    if (fds[1].revents != 0) drain(child.out(), Stream::kStdout, output);
    if (fds[2].revents != 0) drain(child.err(), Stream::kStderr, output);
    if (fds[3].revents != 0) {
      stopped = true;
      child.signal_group(SIGTERM);
      deadline = Clock::now() + command.grace;
    }
    if (fds[0].revents != 0) return stopped;
  }
}

}  // namespace

std::string describe(const ExitStatus& status) {
  if (const auto* exited = std::get_if<Exited>(&status)) return fmt::format("exit code {}", exited->code);
  const int signal = std::get<Signalled>(status).signal;
  const char* name = ::sigdescr_np(signal);
  return fmt::format("killed by signal {} ({})", signal, name != nullptr ? name : "unknown");
}

bool succeeded(const ExitStatus& status) { return status == ExitStatus{Exited{0}}; }

Result<ExitStatus> run(const Command& command, const OutputSink& output, std::stop_token stop) {
  const auto cancelled = [&] {
    return fail({.kind = ErrorKind::kCancelled,
                 .what = "stopped",
                 .where = command.argv.empty() ? "" : command.argv.front()});
  };
  if (stop.stop_requested()) return cancelled();
  Child child = TRY(start(command));
  const bool stopped = supervise(child, command, output, stop);
  const ExitStatus status = child.reap();
  drain(child.out(), Stream::kStdout, output);
  drain(child.err(), Stream::kStderr, output);
  if (stopped) return cancelled();
  return status;
}

Result<Captured> capture(const Command& command, std::stop_token stop) {
  Captured captured{.status = Exited{0}, .out = {}, .err = {}};
  captured.status = TRY(run(
      command,
      [&captured](Stream stream, std::string_view text) {
        (stream == Stream::kStdout ? captured.out : captured.err).append(text);
      },
      std::move(stop)));
  return captured;
}

std::string find_program(std::string_view name, std::string_view path) {
  for (;;) {
    const auto colon = path.find(':');
    const std::string directory(path.substr(0, colon));
    std::string candidate = fmt::format("{}/{}", directory.empty() ? "." : directory, name);
    struct stat status {};
    if (::stat(candidate.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
        ::access(candidate.c_str(), X_OK) == 0)
      return candidate;
    if (colon == std::string_view::npos) return {};
    path.remove_prefix(colon + 1);
  }
}

std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& changes) {
  std::vector<std::string> result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto replaced = std::any_of(changes.begin(), changes.end(), [text](const auto& change) {
      return text.substr(0, text.find('=')) == change.first;
    });
    if (!replaced) result.emplace_back(text);
  }
  for (const auto& [name, value] : changes) result.push_back(name + "=" + value);
  return result;
}

void LineSplitter::add(std::string_view piece) {
  for (;;) {
    const auto newline = piece.find('\n');
    if (newline == std::string_view::npos) break;
    if (rest_.empty()) {
      emit(piece.substr(0, newline));
    } else {
      rest_.append(piece.substr(0, newline));
      emit(rest_);
      rest_.clear();
    }
    piece.remove_prefix(newline + 1);
  }
  rest_.append(piece);
}

void LineSplitter::finish() {
  if (!rest_.empty()) emit(rest_);
  rest_.clear();
}

void LineSplitter::emit(std::string_view line) const {
  if (line.ends_with('\r')) line.remove_suffix(1);
  line_(line);
}

}  // namespace pgstrata::os
