// What PID 1 does next, as a pure state machine: events go in, actions come out. It starts no process,
// reads no clock of its own and writes nothing, so that every order of events can be tested in
// microseconds. supervisor.h carries the actions out.
#pragma once
#include <chrono>
#include <deque>
#include <string>
#include <variant>
#include <vector>

#include "log.h"

namespace pg_entrypoint {

/// As logs, /health and /metrics name where a container is.
enum class Phase { kValidate, kSecrets, kPrepare, kInit, kStart, kReady, kStop };
const char* phase_name(Phase phase);

/// What this process does itself, between two looks at its signals.
enum class Step {
  kValidate,  // variables and volume; answered by Validated
  kSecrets,   // what may no longer be seen is hidden
  kPrepare,   // folders and configuration are written
  kStamp,     // PGDATA is made, and marked as unfinished
  kAdopt,     // the new cluster moves from the staging folder to its place
  kOpen,      // everything is on the disk, the mark is removed, and clients are let in
};

/// What a child does to its end, while everything else waits for it.
enum class Task { kInitdb, kRestore, kRuntimeScripts, kInitScripts, kChangePassword, kShutdownScript };
const char* task_name(Task task);

/// What `validate` found out.
struct Plan {
  bool new_cluster = false;
  bool restore = false;  // a new cluster comes from the backup repository instead of initdb
  bool patroni = false;  // the server is Patroni, which initialises and starts PostgreSQL by itself
  bool sleep = false;
  bool change_password = false;
  bool shutdown_script = false;               // something is to be run before the server is stopped
  std::chrono::milliseconds timeout{30'000};  // a fast shutdown; the scripts of each start and stop
  std::chrono::milliseconds init_timeout{0};  // initdb, a restore, the scripts of the init phase; 0: none
  std::chrono::milliseconds password_timeout{5'000};
};

namespace event {
struct Begin {};
struct Validated {
  int exit_code = 0;  // not 0: refused
  Plan plan;
};
struct StepDone {
  int exit_code = 0;
};
struct TaskEnded {
  int exit_code = 0;
};
struct ServerAccepts {};  // and, under Patroni, its initialisation is complete
struct ServerEnded {
  int exit_code = 0;
  bool disk_full = false;
};
struct SpaceFreed {};
struct SignalReceived {
  int signal = 0;
};
struct TimeUp {};
}  // namespace event
using Event =
    std::variant<event::Begin, event::Validated, event::StepDone, event::TaskEnded, event::ServerAccepts,
                 event::ServerEnded, event::SpaceFreed, event::SignalReceived, event::TimeUp>;

namespace action {
struct RunStep {
  Step step;
};
struct StartTask {
  Task task;
};
struct StartServer {
  bool closed = false;  // nobody but the superuser in this container is let in
};
struct SignalTask {
  int signal = 0;  // to all its processes
};
struct SignalServer {
  int signal = 0;
};
/// To the postmaster below Patroni, wherever it is; nothing if there is none.
struct SignalPostmaster {
  int signal = 0;
};
/// Ends what a dead postmaster has left, before another one is started.
struct ClearStrays {};
/// Replaces the timer that runs; TimeUp comes after it.
struct SetTimer {
  std::chrono::milliseconds after;
};
struct StopTimer {};
/// Marks the new cluster as failed: the next start must not try again by itself.
struct MarkFailed {
  std::string why;
};
struct Say {
  Level level = Level::kInfo;
  std::string text;
};
struct Exit {
  int code = 0;
};
}  // namespace action
using Action =
    std::variant<action::RunStep, action::StartTask, action::StartServer, action::SignalTask,
                 action::SignalServer, action::SignalPostmaster, action::ClearStrays, action::SetTimer,
                 action::StopTimer, action::MarkFailed, action::Say, action::Exit>;
using Actions = std::vector<Action>;

/// One rung of a stop: whom to signal, and how long that may take before the next rung.
struct Rung {
  enum class Target { kTask, kServer, kPostmaster } target;
  int signal;
  std::chrono::milliseconds patience;
  std::string meaning;
};

class Machine {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Answers one event that happened at `now`. After Exit nothing is answered any more.
  Actions handle(const Event& event, Time now);

  Phase phase() const;
  /// True once the server has been ready for the first time.
  bool started() const { return was_ready_; }
  bool awaits_server() const { return std::holds_alternative<AwaitServer>(state_); }
  bool awaits_space() const { return std::holds_alternative<AwaitSpace>(state_); }
  bool stopping() const { return std::holds_alternative<Stopping>(state_); }
  /// How often a server that died was started again.
  unsigned restarts() const { return restarts_; }

 private:
  struct Idle {};
  struct InStep {
    Step step;
  };
  struct InTask {
    Task task;
  };
  struct AwaitServer {};
  struct Serving {};
  struct BackingOff {};
  struct AwaitSpace {};
  struct Sleeping {};
  struct Stopping {
    std::vector<Rung> rungs;
    std::size_t next = 0;
    int exit_code = 0;
    bool exit_code_of_server = false;  // a requested stop of a server: its own exit code tells how it went
  };
  struct Ended {};

  void on(const event::Begin&);
  void on(const event::Validated&);
  void on(const event::StepDone&);
  void on(const event::TaskEnded&);
  void on(const event::ServerAccepts&);
  void on(const event::ServerEnded&);
  void on(const event::SpaceFreed&);
  void on(const event::SignalReceived&);
  void on(const event::TimeUp&);

  void run_step(Step step);
  void start_task(Task task);
  void start_server();
  void serve();
  void restart_or_give_up(int exit_code);
  void request_stop(int signal);
  void fail(int exit_code, const std::string& why);
  void stop(int exit_code, bool of_server);
  void next_rung();
  void forward(int signal);
  void end(int exit_code);
  void say(Level level, std::string text) { out_.push_back(action::Say{level, std::move(text)}); }

  bool in_shutdown_script() const { return task_runs_ && task_ == Task::kShutdownScript; }
  std::chrono::milliseconds limit_of(Task task) const;
  std::vector<Rung> task_rungs() const;
  std::vector<Rung> server_rungs() const;

  std::variant<Idle, InStep, InTask, AwaitServer, Serving, BackingOff, AwaitSpace, Sleeping, Stopping,
               Ended>
      state_;
  Plan plan_;
  bool initialising_ = false;  // a new cluster isn't complete yet
  bool was_ready_ = false;
  bool task_runs_ = false;
  int stop_signal_ = 0;  // what the stop was asked for by, while the shutdown script runs
  Task task_ = Task::kInitdb;
  bool server_runs_ = false;
  bool ever_started_ = false;
  bool accepts_ = false;
  unsigned restarts_ = 0;
  std::deque<Time> deaths_;  // of the last five minutes
  Time now_{};
  Actions out_;
};

}  // namespace pg_entrypoint
