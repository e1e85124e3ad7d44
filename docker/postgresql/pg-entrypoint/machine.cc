#include "machine.h"

#include <algorithm>
#include <csignal>

#include "exit_code.h"
#include "signals.h"

namespace pg_entrypoint {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr milliseconds kLastPatience = seconds(5);  // between SIGQUIT and SIGKILL
constexpr std::size_t kMostDeaths = 5;              // within kDeathWindow; one more ends the container
constexpr auto kDeathWindow = minutes(5);

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

bool begins_stop(int signal) { return signal == SIGTERM || signal == SIGINT || signal == SIGQUIT; }

}  // namespace

const char* phase_name(Phase phase) {
  switch (phase) {
    case Phase::kValidate:
      return "validate";
    case Phase::kSecrets:
      return "secrets";
    case Phase::kPrepare:
      return "prepare";
    case Phase::kInit:
      return "init";
    case Phase::kStart:
      return "start";
    case Phase::kReady:
      return "ready";
    case Phase::kStop:
      return "stop";
  }
  return "";
}

const char* task_name(Task task) {
  switch (task) {
    case Task::kInitdb:
      return "initdb";
    case Task::kRestore:
      return "restore";
    case Task::kRuntimeScripts:
      return "runtime";
    case Task::kInitScripts:
      return "init";
    case Task::kChangePassword:
      return "change-password";
    case Task::kShutdownScript:
      return "shutdown";
  }
  return "";
}

Phase Machine::phase() const {
  return std::visit(Overloaded{
                        [](const Idle&) { return Phase::kValidate; },
                        [](const InStep& in) {
                          if (in.step == Step::kValidate) return Phase::kValidate;
                          if (in.step == Step::kSecrets) return Phase::kSecrets;
                          return in.step == Step::kPrepare ? Phase::kPrepare : Phase::kInit;
                        },
                        [this](const InTask& in) {
                          if (in.task == Task::kShutdownScript) return Phase::kStop;
                          return initialising_ ? Phase::kInit : Phase::kStart;
                        },
                        [](const Serving&) { return Phase::kReady; },
                        [](const Sleeping&) { return Phase::kPrepare; },
                        [](const Stopping&) { return Phase::kStop; },
                        [](const Ended&) { return Phase::kStop; },
                        [this](const auto&) { return initialising_ ? Phase::kInit : Phase::kStart; },
                    },
                    state_);
}

Actions Machine::handle(const Event& event, Time now) {
  now_ = now;
  out_.clear();
  if (!std::holds_alternative<Ended>(state_)) std::visit([this](const auto& each) { on(each); }, event);
  return std::move(out_);
}

void Machine::on(const event::Begin&) { run_step(Step::kValidate); }

void Machine::on(const event::Validated& validated) {
  if (validated.exit_code != 0) return end(validated.exit_code);
  plan_ = validated.plan;
  if (plan_.sleep) {
    say(Level::kInfo, "SLEEP_MODE is on: nothing is started; stop the container to leave it");
    state_ = Sleeping{};
    return;
  }
  // Under Patroni it is Patroni that knows which node makes the cluster.
  initialising_ = plan_.new_cluster && !plan_.patroni;
  run_step(Step::kSecrets);
}

void Machine::on(const event::StepDone& done) {
  const auto* in = std::get_if<InStep>(&state_);
  if (in == nullptr) return;
  if (done.exit_code != 0) return fail(done.exit_code, "");
  switch (in->step) {
    case Step::kValidate:
      return;  // answered by Validated
    case Step::kSecrets:
      return run_step(Step::kPrepare);
    case Step::kPrepare:
      return initialising_ ? run_step(Step::kStamp) : start_task(Task::kRuntimeScripts);
    case Step::kStamp:
      return start_task(plan_.restore ? Task::kRestore : Task::kInitdb);
    case Step::kAdopt:
      return start_task(Task::kRuntimeScripts);
    case Step::kOpen:
      initialising_ = false;
      return serve();
  }
}

void Machine::on(const event::TaskEnded& ended) {
  task_runs_ = false;
  // A server that died meanwhile is being started again: its timer isn't the task's.
  if (!std::holds_alternative<InTask>(state_) && !std::holds_alternative<Stopping>(state_)) return;
  out_.emplace_back(action::StopTimer{});
  if (std::holds_alternative<Stopping>(state_)) {
    const int code = std::get<Stopping>(state_).exit_code;
    return server_runs_ ? stop(code, task_ == Task::kShutdownScript) : end(code);
  }
  if (task_ == Task::kShutdownScript) {
    if (ended.exit_code != 0)
      say(Level::kError, "shutdown failed (exit code " + std::to_string(ended.exit_code) +
                             "); the lines above say why, and the server is stopped all the same");
    return stop(exit_code::kSignalBase + stop_signal_, true);
  }
  if (ended.exit_code != 0 && task_ == Task::kChangePassword) {
    say(Level::kError, "the superuser's password could not be changed; the old one goes on being valid");
    return serve();
  }
  if (ended.exit_code != 0) {
    const std::string why = std::string(task_name(task_)) + " failed (exit code " +
                            std::to_string(ended.exit_code) + "); the lines above say where and why";
    if (task_ == Task::kInitScripts || task_ == Task::kRestore) out_.emplace_back(action::MarkFailed{why});
    return fail(exit_code::kInternal, "phase " + why);
  }
  switch (task_) {
    case Task::kInitdb:
    case Task::kRestore:
      return run_step(Step::kAdopt);
    case Task::kRuntimeScripts:
      return start_server();
    case Task::kInitScripts:
      return run_step(Step::kOpen);
    case Task::kChangePassword:
      return serve();
    case Task::kShutdownScript:
      return;  // answered above
  }
}

void Machine::on(const event::ServerAccepts&) {
  if (!std::holds_alternative<AwaitServer>(state_)) return;
  out_.emplace_back(action::StopTimer{});
  accepts_ = true;
  if (initialising_) return plan_.restore ? run_step(Step::kOpen) : start_task(Task::kInitScripts);
  if (plan_.change_password && !was_ready_) return start_task(Task::kChangePassword);
  serve();
}

void Machine::on(const event::ServerEnded& ended) {
  const bool accepted = accepts_;
  server_runs_ = false;
  accepts_ = false;
  if (const auto* stopping = std::get_if<Stopping>(&state_)) {
    if (task_runs_) return;  // its end is waited for
    return end(stopping->exit_code_of_server ? ended.exit_code : stopping->exit_code);
  }
  const std::string code = " (exit code " + std::to_string(ended.exit_code) + ")";
  if (in_shutdown_script()) {
    say(Level::kError, "the server ended while the shutdown script ran" + code);
    return stop(ended.exit_code, false);
  }
  if (initialising_) {
    return fail(exit_code::kInternal, "the server ended before the new cluster was complete" + code);
  }
  if (ended.exit_code == 0 && (accepted || !was_ready_)) {
    say(Level::kInfo, "the server was stopped by somebody else" + code);
    return task_runs_ ? stop(0, false) : end(0);
  }
  if (ended.disk_full) {
    say(Level::kError, "disk_full: the server ended" + code + "; it is started again once there is space");
    out_.emplace_back(action::ClearStrays{});
    state_ = AwaitSpace{};
    return;
  }
  if (!was_ready_ && !plan_.patroni) {
    say(Level::kError, "the server has ended before it was ready" + code);
    return task_runs_ ? stop(ended.exit_code, false) : end(ended.exit_code);
  }
  restart_or_give_up(ended.exit_code);
}

void Machine::restart_or_give_up(int exit_code) {
  const std::string who = plan_.patroni ? "patroni_died" : "postmaster_died";
  while (!deaths_.empty() && now_ - deaths_.front() > kDeathWindow) deaths_.pop_front();
  deaths_.push_back(now_);
  if (deaths_.size() > kMostDeaths) {
    say(Level::kError, who + ": exit code " + std::to_string(exit_code) + ", the " +
                           std::to_string(deaths_.size()) + "th time in five minutes; giving up");
    if (!plan_.patroni) return end(exit_code);
    // PostgreSQL may still run below: without Patroni it must not go on as a primary.
    return stop(exit_code, false);
  }
  const milliseconds pause =
      deaths_.size() == 1 ? milliseconds(0) : milliseconds(seconds(1 << (deaths_.size() - 2)));
  say(Level::kError, who + ": exit code " + std::to_string(exit_code) + "; it is started again in " +
                         std::to_string(pause.count() / 1000) + " s");
  if (!plan_.patroni) out_.emplace_back(action::ClearStrays{});
  ++restarts_;
  if (pause.count() == 0) return start_server();
  out_.emplace_back(action::SetTimer{pause});
  state_ = BackingOff{};
}

void Machine::on(const event::SpaceFreed&) {
  if (!std::holds_alternative<AwaitSpace>(state_)) return;
  say(Level::kInfo, "there is space on the disk again");
  ++restarts_;
  start_server();
}

void Machine::on(const event::TimeUp&) {
  if (auto* stopping = std::get_if<Stopping>(&state_)) {
    say(Level::kWarning, "not stopped in time: " + stopping->rungs[stopping->next - 1].meaning);
    return next_rung();
  }
  if (std::holds_alternative<BackingOff>(state_)) return start_server();
  if (!std::holds_alternative<InTask>(state_)) return;
  const std::string why = std::string("the time for ") + task_name(task_) + " is over (" +
                          std::to_string(limit_of(task_).count() / 1000) + " s)";
  if (task_ == Task::kChangePassword) {
    say(Level::kWarning, why + " (TIMEOUT_CHANGE_PASSWORD)");
    out_.emplace_back(action::SignalTask{SIGKILL});
    return;
  }
  if (task_ == Task::kShutdownScript) {
    say(Level::kWarning, why + " (TIMEOUT); it is ended");
    out_.emplace_back(action::SignalTask{SIGKILL});
    return;
  }
  if (task_ == Task::kInitScripts || task_ == Task::kRestore) out_.emplace_back(action::MarkFailed{why});
  fail(exit_code::kInternal, why + (task_ == Task::kRuntimeScripts ? " (TIMEOUT)" : " (INIT_TIMEOUT)"));
}

void Machine::on(const event::SignalReceived& received) {
  const int signal = received.signal;
  if (is_terminal_stop(signal)) return;
  if (!begins_stop(signal)) return forward(signal);
  say(Level::kInfo, "received " + signal_name(signal));
  if (std::holds_alternative<Stopping>(state_)) return next_rung();
  request_stop(signal);
}

void Machine::request_stop(int signal) {
  if (std::holds_alternative<Sleeping>(state_)) return end(0);
  const bool serving = server_runs_ && !initialising_ && !task_runs_;
  if (serving && plan_.shutdown_script && signal != SIGQUIT && std::holds_alternative<Serving>(state_)) {
    stop_signal_ = signal;
    return start_task(Task::kShutdownScript);
  }
  stop(exit_code::kSignalBase + signal, serving);
  // SIGQUIT is PostgreSQL's immediate shutdown, and stays that.
  if (signal == SIGQUIT && serving && std::holds_alternative<Stopping>(state_)) next_rung();
}

void Machine::forward(int signal) {
  if (server_runs_) {
    out_.emplace_back(action::SignalServer{signal});
  } else if (task_runs_) {
    out_.emplace_back(action::SignalTask{signal});
  }
}

void Machine::run_step(Step step) {
  state_ = InStep{step};
  out_.emplace_back(action::RunStep{step});
}

void Machine::start_task(Task task) {
  task_ = task;
  task_runs_ = true;
  state_ = InTask{task};
  out_.emplace_back(action::StartTask{task});
  if (const milliseconds limit = limit_of(task); limit.count() > 0)
    out_.emplace_back(action::SetTimer{limit});
}

void Machine::start_server() {
  server_runs_ = true;
  ever_started_ = true;
  accepts_ = false;
  state_ = AwaitServer{};
  out_.emplace_back(action::StartServer{initialising_});
}

void Machine::serve() {
  was_ready_ = true;
  state_ = Serving{};
  say(Level::kInfo, "ready");
}

void Machine::fail(int exit_code, const std::string& why) {
  if (!why.empty()) say(Level::kError, why);
  stop(exit_code, false);
}

/// Ends whatever runs, first the task and then the server, and with it the container.
void Machine::stop(int exit_code, bool of_server) {
  const bool postmaster_may_run = plan_.patroni && ever_started_;
  if (!task_runs_ && !server_runs_ && !postmaster_may_run) return end(exit_code);
  state_ = Stopping{task_runs_ ? task_rungs() : server_rungs(), 0, exit_code, of_server};
  next_rung();
}

void Machine::next_rung() {
  auto& stopping = std::get<Stopping>(state_);
  out_.emplace_back(action::StopTimer{});
  if (stopping.next == stopping.rungs.size()) {
    // SIGKILL is out: only the kernel can be slow now. A postmaster that nobody waits for is killed at the
    // end.
    if (!task_runs_ && !server_runs_) end(stopping.exit_code);
    return;
  }
  const Rung& rung = stopping.rungs[stopping.next++];
  say(Level::kInfo, "stopping: " + rung.meaning + " (" + signal_name(rung.signal) + ")");
  switch (rung.target) {
    case Rung::Target::kTask:
      out_.emplace_back(action::SignalTask{rung.signal});
      break;
    case Rung::Target::kServer:
      out_.emplace_back(action::SignalServer{rung.signal});
      break;
    case Rung::Target::kPostmaster:
      out_.emplace_back(action::SignalPostmaster{rung.signal});
      break;
  }
  if (stopping.next < stopping.rungs.size()) out_.emplace_back(action::SetTimer{rung.patience});
}

void Machine::end(int exit_code) {
  out_.emplace_back(action::Exit{exit_code});
  state_ = Ended{};
}

milliseconds Machine::limit_of(Task task) const {
  switch (task) {
    case Task::kRuntimeScripts:
    case Task::kShutdownScript:
      return plan_.timeout;
    case Task::kChangePassword:
      return plan_.password_timeout;
    case Task::kInitdb:
    case Task::kRestore:
    case Task::kInitScripts:
      return plan_.init_timeout;
  }
  return milliseconds(0);
}

std::vector<Rung> Machine::task_rungs() const {
  const std::string what = std::string("ending ") + task_name(task_);
  return {{Rung::Target::kTask, SIGTERM, plan_.timeout, what},
          {Rung::Target::kTask, SIGKILL, kLastPatience, what + " at once"}};
}

std::vector<Rung> Machine::server_rungs() const {
  if (!plan_.patroni) {
    // PostgreSQL's SIGTERM waits for every session to end by itself, so a stop begins with its SIGINT.
    return {{Rung::Target::kServer, SIGINT, plan_.timeout, "fast shutdown"},
            {Rung::Target::kServer, SIGQUIT, kLastPatience,
             "immediate shutdown; the next start recovers from the log"},
            {Rung::Target::kServer, SIGKILL, kLastPatience,
             "killing the server; the next start recovers from the log"}};
  }
  const std::vector<Rung> of_postmaster{{Rung::Target::kPostmaster, SIGQUIT, kLastPatience,
                                         "immediate shutdown; the next start recovers from the log"},
                                        {Rung::Target::kPostmaster, SIGKILL, std::chrono::seconds(1),
                                         "killing the server; the next start recovers from the log"}};
  std::vector<Rung> rungs;
  if (server_runs_) {
    rungs.push_back(
        {Rung::Target::kServer, SIGTERM, plan_.timeout, "Patroni stops PostgreSQL and hands over"});
  } else {
    rungs.push_back(
        {Rung::Target::kPostmaster, SIGINT, plan_.timeout, "fast shutdown of what Patroni has left"});
  }
  rungs.insert(rungs.end(), of_postmaster.begin(), of_postmaster.end());
  if (server_runs_) rungs.push_back({Rung::Target::kServer, SIGKILL, kLastPatience, "killing Patroni"});
  return rungs;
}

}  // namespace pg_entrypoint
