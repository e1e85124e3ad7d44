// One container from its start to its end: the event loop of PID 1. It carries out what the Machine
// decides, and tells it what happened. One thread, no waiting but in poll.
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backup_server.h"
#include "backups.h"
#include "exec.h"
#include "log_reader.h"
#include "machine.h"
#include "monitor.h"
#include "options.h"
#include "registration.h"
#include "signals.h"
#include "volume.h"

namespace pg_entrypoint {

class Container {
 public:
  Container(const Environment& environment, std::vector<std::string> arguments, SignalQueue& signals)
      : environment_(environment), arguments_(std::move(arguments)), signals_(signals) {}

  /// Runs the phases to their end. Returns the exit code of the container.
  int run();

 private:
  void loop();

  /// What children write. It may outlive the child: PostgreSQL goes on writing when its Patroni has died.
  struct Output {
    int fd;
    LogReader reader;
  };

  void perform(const action::RunStep& action);
  void perform(const action::StartTask& action);
  void perform(const action::StartServer& action);
  void perform(const action::SignalTask& action);
  void perform(const action::SignalServer& action);
  void perform(const action::SignalPostmaster& action);
  void perform(const action::ClearStrays& action);
  void perform(const action::SetTimer& action);
  void perform(const action::StopTimer& action);
  void perform(const action::MarkFailed& action);
  void perform(const action::Say& action);
  void perform(const action::Exit& action);

  event::Validated validate();
  void run_step(Step step);
  void prepare();
  pid_t start_child(Command command, const std::string& component);
  void handle_events();
  void take_signals();
  void collect_children();
  void child_ended(pid_t pid, int wait_status);
  void watch_server(Clock::time_point now);
  void wait_for_something();
  Deadline next_deadline(Clock::time_point now) const;
  void read_outputs(bool to_the_end);
  HealthState health_state(Clock::time_point now) const;
  void end();

  const Environment& environment_;
  std::vector<std::string> arguments_;
  SignalQueue& signals_;
  Machine machine_;
  std::deque<Event> events_;
  Options options_;
  Volume volume_;
  VolumeLock lock_;
  std::unique_ptr<Monitor> monitor_;
  std::unique_ptr<Backups> backups_;
  std::unique_ptr<BackupServer> backup_server_;
  std::unique_ptr<Registration> registration_;
  std::vector<std::unique_ptr<Output>> outputs_;
  pid_t task_ = 0;
  pid_t server_ = 0;
  Deadline timer_;
  std::optional<int> exit_code_;
  std::uint64_t reaped_ = 0;
  Clock::time_point began_ = Clock::now();
  Phase phase_ = Phase::kValidate;
};

}  // namespace pg_entrypoint
