#include "container/monitor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "container/control_group.h"
#include "container/relay.h"
#include "container/terminal.h"
#include "oci/image_config.h"
#include "os/file.h"
#include "os/signals.h"

namespace pgstrata::container {
namespace {

constexpr const char* kPidFile = "../runtime/pid";
constexpr const char* kRuntimeLog = "../runtime/log";
constexpr const char* kConsole = "../runtime/console";

std::string now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return oci::format_time(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

int exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

struct Pipe {
  os::Fd read;
  os::Fd write;
};
Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(system_error("can't make a pipe", ""));
  return Pipe{.read = os::Fd(ends[0]), .write = os::Fd(ends[1])};
}

/// What the runtime, and after it the container's first process, gets as stdin, stdout and stderr.
struct ProgramStreams {
  os::Fd in;
  os::Fd out;
  os::Fd err;
};

class Monitor {
 public:
  Monitor(MonitorPlan plan, int report) : plan_(std::move(plan)), report_(report) {}

  int run() {
    started_ = now();
    auto begun = begin();
    if (!begun) {
      const Error& error = begun.error();
      return give_up(
          {.code = failed_code_ != 0 ? failed_code_ : 125,
           .message = error.next.empty() ? error.message() : error.message() + "\n" + error.next});
    }
    attend();
    const int code = exit_code(*status_);
    relay_->finish();
    end(Exited{.code = code, .started = started_, .finished = now(), .error = ""});
    return code;
  }

 private:
  Result<void> begin() {
    TRY_VOID(enter());
    // Through a relative path, since the store's may be too long for a socket.
    const std::string bundle = plan_.container.directory + "/bundle";
    if (::chdir(bundle.c_str()) != 0) return fail(system_error("can't enter the bundle", bundle));
    TRY_VOID(start_program());
    TRY_VOID(start_forwarder());
    TRY_VOID(write_state(plan_.container.directory, Running{.monitor = self_, .started = started_}));
    send({.code = 0, .message = ""});
    return {};
  }

  /// The monitor's own surroundings: session, mounts, signals.
  Result<void> enter() {
    // The old /proc names us as the rest of the machine does.
    const auto self = process_id("self");
    if (!self) return fail({.kind = ErrorKind::kMachine, .what = "can't read /proc/self/stat"});
    self_ = *self;
    TRY_VOID(write_state(plan_.container.directory, Created{self_}));
    static_cast<void>(::prctl(PR_SET_NAME, "pgstrata-run", 0, 0, 0));
    static_cast<void>(::setsid());
    const std::string runtime = plan_.container.directory + "/runtime";
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      return fail(system_error("can't make a mount namespace", ""));
    if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
      return fail({.kind = ErrorKind::kMachine,
                   .what = "can't mount /proc for the container's processes",
                   .why = ::strerrordesc_np(errno),
                   .next = "in a container, start that one with --privileged or with an unmasked /proc"});
    if (::mount("runtime", runtime.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") != 0)
      return fail(system_error("can't mount a tmpfs", runtime));
    sigset_t all;
    sigfillset(&all);
    signals_ = os::Fd(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) return fail(system_error("can't receive signals", ""));
    return {};
  }

  Result<void> start_program() {
    std::optional<ConsoleSocket> console;
    if (plan_.terminal) console = TRY(ConsoleSocket::listen(kConsole));
    Streams ours;
    {
      const ProgramStreams theirs = TRY(make_streams(ours));
      TRY_VOID(call_runtime(theirs));
    }
    const std::string pid = TRY(os::read_file(kPidFile));
    init_ = static_cast<pid_t>(std::atoi(pid.c_str()));
    if (console) {
      ours.out = TRY(console->receive());
      copy_size(STDIN_FILENO, ours.out.get());
      if (plan_.interactive) ours.in = os::Fd(::fcntl(ours.out.get(), F_DUPFD_CLOEXEC, 3));
    }
    if (ours.in) static_cast<void>(::fcntl(ours.in.get(), F_SETFL, O_RDWR | O_NONBLOCK));
    terminal_ = console ? ours.out.get() : -1;
    os::Fd log = TRY(os::open(plan_.container.directory + "/log", O_WRONLY | O_CREAT | O_APPEND, 0600));
    relay_.emplace(std::move(ours), LogWriter(std::move(log)), !plan_.detached);
    return {};
  }

  Result<ProgramStreams> make_streams(Streams& ours) const {
    ProgramStreams theirs;
    theirs.in = TRY(os::open("/dev/null", O_RDONLY));
    if (plan_.terminal) {
      theirs.out = TRY(os::open("/dev/null", O_WRONLY));
      theirs.err = TRY(os::open("/dev/null", O_WRONLY));
      return theirs;
    }
    Pipe out = TRY(make_pipe());
    Pipe err = TRY(make_pipe());
    ours.out = std::move(out.read);
    ours.err = std::move(err.read);
    theirs.out = std::move(out.write);
    theirs.err = std::move(err.write);
    if (!plan_.interactive) return theirs;
    // A file or pipe is simply handed on; a terminal isn't, the container could type into it.
    if (!plan_.detached && ::isatty(STDIN_FILENO) == 0) {
      theirs.in = os::Fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
      return theirs;
    }
    Pipe in = TRY(make_pipe());
    ours.in = std::move(in.write);
    theirs.in = std::move(in.read);
    return theirs;
  }

  /// Runs the runtime to its end; the container then runs.
  Result<void> call_runtime(const ProgramStreams& streams) {
    RuntimeCall call = plan_.call;
    call.log_file = kRuntimeLog;
    call.state_directory = plan_.container.directory + "/runtime/state";
    const std::vector<std::string> arguments =
        run_arguments(plan_.runtime, call, kPidFile, plan_.terminal ? kConsole : "");
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    if (child < 0) return fail(system_error("can't start a process", ""));
    if (child == 0) {
      ::dup2(streams.in.get(), STDIN_FILENO);
      ::dup2(streams.out.get(), STDOUT_FILENO);
      ::dup2(streams.err.get(), STDERR_FILENO);
      os::reset_signals();
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    std::string why = last_error(kRuntimeLog);
    failed_code_ = failure_code(why);
    if (why.empty()) why = fmt::format("{} ended with {}", plan_.runtime.program, exit_code(status));
    return fail(
        {.kind = ErrorKind::kMachine, .what = "the OCI runtime can't start the container", .why = why});
  }

  Result<void> start_forwarder() {
    if (plan_.listeners.empty()) return {};
    const os::Fd network = TRY(os::open(fmt::format("/proc/{}/ns/net", init_), O_RDONLY));
    const pid_t child = ::fork();
    if (child < 0) return fail(system_error("can't start a process", ""));
    if (child == 0) {
      // The caller waits for the end of the report's pipe, the log belongs to us.
      report_.reset();
      relay_.reset();
      forward(std::move(plan_.listeners), network.get());
    }
    plan_.listeners.clear();
    return {};
  }

  void attend() {
    while (!status_ || !relay_->is_done()) {
      std::vector<pollfd> fds = {{.fd = signals_.get(), .events = POLLIN, .revents = 0}};
      relay_->add_to(fds);
      if (::poll(fds.data(), fds.size(), -1) < 0) continue;
      if (fds[0].revents != 0) handle_signals();
      relay_->handle(fds);
    }
  }

  void handle_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      const int number = static_cast<int>(info.ssi_signo);
      if (number == SIGCHLD)
        reap();
      else if (number == SIGWINCH)
        copy_size(STDIN_FILENO, terminal_);
      else if (number == forward_signal())
        send_to_program(info.ssi_int);
      else if (number != SIGPIPE)
        send_to_program(number);
    }
  }

  void reap() {
    int status = 0;
    for (;;) {
      const pid_t ended = ::waitpid(-1, &status, WNOHANG);
      if (ended <= 0) return;
      if (ended == init_) status_ = status;
    }
  }

  void send_to_program(int number) const {
    if (!status_ && init_ > 1) static_cast<void>(::kill(init_, number));
  }

  /// The container has ended, or never began. Its directory gets its last state, or goes.
  void end(const Exited& exited) {
    // Nobody else may be left: not the forwarder, nor what a failed start has left behind.
    static_cast<void>(::kill(-1, SIGKILL));
    while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
    }
    const std::string& directory = plan_.container.directory;
    static_cast<void>(::chdir("/"));
    static_cast<void>(::umount2((directory + "/rootfs").c_str(), MNT_DETACH | UMOUNT_NOFOLLOW));
    static_cast<void>(::umount2((directory + "/runtime").c_str(), MNT_DETACH | UMOUNT_NOFOLLOW));
    if (!plan_.call.rootless) remove_control_groups(plan_.container.record.id);
    if (plan_.container.record.auto_remove)
      static_cast<void>(remove_container(plan_.root, plan_.container));
    else
      static_cast<void>(write_state(directory, exited));
  }

  int give_up(const StartReport& report) {
    end(Exited{.code = report.code, .started = "", .finished = now(), .error = report.message});
    send(report);
    return report.code;
  }

  void send(const StartReport& report) {
    static_cast<void>(os::write_all(report_.get(), to_text(report), "report"));
    report_.reset();
  }

  MonitorPlan plan_;
  os::Fd report_;
  os::Fd signals_;
  ProcessId self_;
  std::string started_;
  pid_t init_ = 0;
  int terminal_ = -1;
  int failed_code_ = 0;
  std::optional<int> status_;  ///< of the first process, as wait4 gives it, once it has ended
  std::optional<Relay> relay_;
};

/// Ends with the caller, unless detached.
void tie_to_caller(const MonitorPlan& plan, int report) {
  if (plan.detached) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // If it has ended before that took effect, nobody reads the report any more.
  pollfd reader{.fd = report, .events = 0, .revents = 0};
  if (::poll(&reader, 1, 0) > 0 && (reader.revents & POLLERR) != 0) ::_exit(125);
}

/// Closes what we share with the caller and don't need: its database, its locks, its terminal.
void drop_descriptors(const MonitorPlan& plan, int& report) {
  std::vector<int> keep = {report};
  for (const Listener& listener : plan.listeners) keep.push_back(listener.socket.get());
  std::ranges::sort(keep);
  unsigned next = 3;
  for (const int fd : keep) {
    const auto number = static_cast<unsigned>(fd);
    if (number > next) static_cast<void>(::close_range(next, number - 1, 0));
    next = number + 1;
  }
  static_cast<void>(::close_range(next, ~0U, 0));
  if (!plan.detached) return;
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  if (null > 2) ::close(null);
}

}  // namespace

std::string to_text(const StartReport& report) {
  return fmt::format("{}\n{}", report.code, report.message);
}

StartReport report_from_text(const std::string& text) {
  const size_t newline = text.find('\n');
  if (newline == std::string::npos) return {.code = 125, .message = "the container's monitor was killed"};
  return {.code = std::atoi(text.c_str()), .message = text.substr(newline + 1)};
}

void run_monitor(MonitorPlan plan, int report) {
  // What it sends to every process must reach those of its own namespace only.
  if (::getpid() != 1) ::_exit(125);
  tie_to_caller(plan, report);
  drop_descriptors(plan, report);
  ::umask(022);
  Monitor monitor(std::move(plan), report);
  const int code = monitor.run();
  ::_exit(code);
}

}  // namespace pgstrata::container
