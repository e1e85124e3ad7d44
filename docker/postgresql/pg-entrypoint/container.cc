#include "container.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "commands.h"
#include "configuration.h"
#include "control_file.h"
#include "exit_code.h"
#include "reaper.h"
#include "validation.h"

namespace pg_entrypoint {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// How often the file is looked at in which the postmaster notes that it is ready.
constexpr milliseconds kWatchEvery(10);
constexpr milliseconds kWatchPatroniEvery(100);  // a replica may take hours until it is one
constexpr seconds kLookForSpaceEvery(1);
constexpr seconds kLastWords(2);  // for a slow reader of the log

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

int Container::run() {
  queue_log();
  try {
    loop();
  } catch (const std::exception& error) {
    log(Level::kError, std::string("giving up: ") + error.what());
    exit_code_ = exit_code::kInternal;
  }
  end();
  return *exit_code_;
}

void Container::loop() {
  events_.emplace_back(event::Begin{});
  while (!exit_code_) {
    take_signals();
    handle_events();
    if (exit_code_) break;
    wait_for_something();
    read_outputs(false);
    collect_children();
    const auto now = Clock::now();
    watch_server(now);
    if (timer_ && now >= *timer_) {
      timer_.reset();
      events_.emplace_back(event::TimeUp{});
    }
    if (monitor_) monitor_->advance(now, health_state(now));
    drain_log(milliseconds(0));
  }
}

void Container::handle_events() {
  while (!events_.empty() && !exit_code_) {
    const Event event = events_.front();
    events_.pop_front();
    for (const Action& action : machine_.handle(event, Clock::now())) {
      std::visit([this](const auto& each) { perform(each); }, action);
    }
    if (machine_.phase() != phase_) {
      phase_ = machine_.phase();
      log(Level::kDebug, std::string("phase ") + phase_name(phase_));
    }
    take_signals();  // between two steps as well
  }
}

void Container::take_signals() {
  while (const std::optional<int> signal = signals_.take()) {
    // A child that ended since collect_children() looked last: nothing would wake the wait for it again.
    if (*signal == SIGCHLD)
      collect_children();
    else
      events_.emplace_back(event::SignalReceived{*signal});
  }
}

// ---- actions

void Container::perform(const action::RunStep& action) {
  if (action.step == Step::kValidate) {
    events_.emplace_back(validate());
    return;
  }
  try {
    run_step(action.step);
    events_.emplace_back(event::StepDone{0});
  } catch (const Refusal& refusal) {
    log(Level::kError, refusal.what());
    events_.emplace_back(event::StepDone{refusal.exit_code()});
  } catch (const std::exception& error) {
    log(Level::kError, error.what());
    events_.emplace_back(event::StepDone{exit_code::kInternal});
  }
}

event::Validated Container::validate() {
  Validation validation = pg_entrypoint::validate(environment_);
  configure_log(validation.options.log_level, validation.options.log_format);
  validation.say();
  if (validation.exit_code != 0) return {validation.exit_code, {}};
  options_ = std::move(validation.options);
  volume_ = std::move(validation.volume);
  Plan plan;
  plan.new_cluster = volume_.state == VolumeState::kEmpty || volume_.state == VolumeState::kInterrupted;
  plan.restore = plan.new_cluster && options_.backup && options_.backup->restore;
  plan.patroni = options_.patroni.has_value();
  plan.sleep = options_.sleep_mode;
  plan.change_password = options_.change_password && !plan.new_cluster;
  plan.shutdown_script = has_scripts(options_, "shutdown");
  plan.timeout = options_.timeout;
  plan.init_timeout = options_.init_timeout;
  plan.password_timeout = options_.password_timeout;
  return {0, plan};
}

void Container::run_step(Step step) {
  switch (step) {
    case Step::kValidate:
      return;
    case Step::kSecrets:
      for (const std::string& name : secret_names()) Environment::blank_in_process(name);
      return;
    case Step::kPrepare:
      return prepare();
    case Step::kStamp:
      log(Level::kInfo, "PGDATA " + options_.pgdata + ": making a new cluster");
      begin_initialisation(options_.pgdata);
      if (!lock_.take(options_.pgdata)) throw Refusal(exit_code::kData, in_use_message(options_.pgdata));
      return;
    case Step::kAdopt:
      return adopt_staged(options_.pgdata);
    case Step::kOpen:
      finish_initialisation(options_.pgdata);
      write_access(options_, Access::kOpen);
      if (server_ != 0) kill(server_, SIGHUP);
      log(Level::kInfo, "the new cluster is complete");
      return;
  }
}

void Container::prepare() {
  const bool empty = volume_.state == VolumeState::kEmpty;
  if (!empty && !lock_.take(options_.pgdata))
    throw Refusal(exit_code::kData, in_use_message(options_.pgdata));
  if (const std::string error = remove_stale_pid_file(options_.pgdata); !error.empty()) {
    throw Refusal(exit_code::kData, error);
  }
  if (volume_.state == VolumeState::kInterrupted) {
    log(Level::kWarning,
        "PGDATA " + options_.pgdata + " holds an initialisation that was interrupted: beginning anew");
    if (options_.patroni) discard_unfinished(options_.pgdata);
  }
  const bool closed = volume_.state != VolumeState::kReady && !options_.patroni;
  write_configuration(options_, closed ? Access::kClosed : Access::kOpen);
  monitor_ = std::make_unique<Monitor>(options_);
  if (const std::string error = monitor_->open(environment_); !error.empty())
    throw Refusal(exit_code::kUsage, error);
  const auto start = [this](Command command, const std::string& component) {
    return start_child(std::move(command), component);
  };
  if (options_.backup) backups_ = std::make_unique<Backups>(options_, start);
  if (options_.backup && options_.backup->standby)
    backup_server_ = std::make_unique<BackupServer>(options_, start);
  if (options_.citus && options_.citus->registers)
    registration_ = std::make_unique<Registration>(options_, start);
}

void Container::perform(const action::StartTask& action) {
  PreparedCommand prepared = task_command(action.task, options_);
  // The processes of initdb outlive this one for a moment where it isn't PID 1 of its own namespace: until
  // they are gone, nobody may begin anew.
  if ((action.task == Task::kInitdb || action.task == Task::kRestore) && lock_.fd() >= 0)
    prepared.command.inherited.push_back(lock_.fd());
  if (prepared.command.argv.empty()) {
    events_.emplace_back(event::TaskEnded{0});
    return;
  }
  task_ = start_child(prepared.command, task_name(action.task));
  if (task_ == 0) events_.emplace_back(event::TaskEnded{exit_code::kNotFound});
}

void Container::perform(const action::StartServer& action) {
  log(Level::kDebug, action.closed ? "starting the server, closed to clients" : "starting the server");
  server_ = start_child(server_command(options_, arguments_), options_.patroni ? "patroni" : "postgres");
  if (server_ == 0) events_.emplace_back(event::ServerEnded{exit_code::kNotFound, false});
}

void Container::perform(const action::SignalTask& action) {
  if (task_ != 0) kill(-task_, action.signal);
}

void Container::perform(const action::SignalServer& action) {
  if (server_ != 0) kill(server_, action.signal);
  if (machine_.stopping() && backups_) backups_->stop();
  if (machine_.stopping() && backup_server_) backup_server_->stop();
  if (machine_.stopping() && registration_) registration_->stop();
}

void Container::perform(const action::SignalPostmaster& action) {
  if (const pid_t pid = postmaster_of(options_.pgdata); pid > 0) kill(pid, action.signal);
}

void Container::perform(const action::ClearStrays&) {
  std::set<pid_t> spared;
  if (task_ != 0) spared.insert(task_);
  if (backups_ && backups_->pid() != 0) spared.insert(backups_->pid());
  if (backup_server_ && backup_server_->pid() != 0) spared.insert(backup_server_->pid());
  if (registration_ && registration_->pid() != 0) spared.insert(registration_->pid());
  const int killed = end_strays(spared);
  if (killed > 0)
    log(Level::kInfo, "ended " + std::to_string(killed) + " processes that the server had left");
}

void Container::perform(const action::SetTimer& action) { timer_ = Clock::now() + action.after; }

void Container::perform(const action::StopTimer&) { timer_.reset(); }

void Container::perform(const action::MarkFailed& action) { mark_failed(options_.pgdata, action.why); }

void Container::perform(const action::Say& action) {
  if (action.text != "ready") return log(action.level, action.text);
  const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - began_).count();
  log(Level::kInfo, "ready for clients, " + std::to_string(took) + " ms after the start of the container");
}

void Container::perform(const action::Exit& action) { exit_code_ = action.code; }

// ---- children

pid_t Container::start_child(Command command, const std::string& component) {
  std::array<int, 2> ends{};
  const auto failed = [&command](int error) {
    log(Level::kError, "cannot execute '" + command.argv.front() + "': " + std::strerror(error) + "; " +
                           start_remedy(error));
    return 0;
  };
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return failed(errno);
  command.output_fd = ends[1];
  const Started started = start(command, signals_.original_mask());
  close(ends[1]);
  if (started.exec_errno != 0) {
    close(ends[0]);
    return failed(started.exec_errno);
  }
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  const auto sink = [](const LogEvent& event) { log_record(event.record, event.verbatim); };
  outputs_.push_back(std::make_unique<Output>(Output{ends[0], LogReader(component, started.pid, sink)}));
  return started.pid;
}

void Container::read_outputs(bool to_the_end) {
  std::array<char, 65'536> buffer{};
  std::erase_if(outputs_, [&](const std::unique_ptr<Output>& output) {
    // One child that floods gets its turn, and so does everybody else.
    for (int turn = 0; to_the_end || (turn < 4 && queued_log() < kLogLimit); ++turn) {
      const ssize_t got = read(output->fd, buffer.data(), buffer.size());
      if (got > 0) {
        output->reader.feed({buffer.data(), static_cast<std::size_t>(got)});
        continue;
      }
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) {
        output->reader.flush();
        if (!to_the_end) return false;
      }
      output->reader.finish();
      close(output->fd);
      return true;
    }
    return false;
  });
}

void Container::collect_children() {
  for (const EndedProcess& ended : reap()) child_ended(ended.pid, ended.wait_status);
}

void Container::child_ended(pid_t pid, int wait_status) {
  const int code = exit_code_of(wait_status);
  read_outputs(false);  // its last words before what comes of them
  if (pid == task_) {
    task_ = 0;
    events_.emplace_back(event::TaskEnded{code});
  } else if (pid == server_) {
    server_ = 0;
    events_.emplace_back(event::ServerEnded{code, monitor_ && monitor_->any_disk_full()});
  } else if (!(registration_ && registration_->ended(pid, code, Clock::now())) &&
             !(backups_ && backups_->ended(pid, code, Clock::now())) &&
             !(backup_server_ && backup_server_->ended(pid, code, Clock::now()))) {
    ++reaped_;
  }
}

/// What no signal tells: that the server takes connections, that the disk has room, that a postmaster whose
/// Patroni is gone has ended; and whether a backup is due.
void Container::watch_server(Clock::time_point now) {
  const pid_t expected = options_.patroni ? 0 : server_;
  if (machine_.awaits_server() && server_ != 0 && postmaster_is_ready(options_.pgdata, expected)) {
    // Under Patroni the stamp tells. A restore is over once recovery has removed its file, and then said
    // so.
    const bool unfinished = options_.patroni && is_unfinished(options_.pgdata);
    const bool restored = volume_.state != VolumeState::kReady && !options_.patroni && options_.backup &&
                          options_.backup->restore;
    const bool recovers = restored && (access((options_.pgdata + "/recovery.signal").c_str(), F_OK) == 0 ||
                                       !is_in_production(options_.pgdata));
    if (!unfinished && !recovers) events_.emplace_back(event::ServerAccepts{});
  }
  if (machine_.awaits_space() && monitor_ && monitor_->disks_have_room())
    events_.emplace_back(event::SpaceFreed{});
  if (machine_.stopping() && options_.patroni && server_ == 0 && task_ == 0) {
    const pid_t postmaster = postmaster_of(options_.pgdata);
    if (postmaster <= 0 || kill(postmaster, 0) != 0) events_.emplace_back(event::ServerEnded{0, false});
  }
  if (registration_ && machine_.phase() == Phase::kReady) registration_->advance(now);
  if (backup_server_ && machine_.phase() == Phase::kReady) backup_server_->advance(now);
  if (backups_ && monitor_ && machine_.phase() == Phase::kReady) {
    if (backups_->wants_facts(now)) {
      const auto facts = monitor_->facts(now, seconds(5));
      if (!facts) monitor_->refresh(now);
      backups_->advance(now, facts, signals_.original_mask());
    }
  }
}

// ---- waiting

void Container::wait_for_something() {
  if (!events_.empty()) return;
  const auto now = Clock::now();
  std::vector<pollfd> polled{{signals_.fd(), POLLIN, 0}};
  if (queued_log() < kLogLimit) {
    for (const auto& output : outputs_) polled.push_back({output->fd, POLLIN, 0});
  }
  if (queued_log() > 0) polled.push_back({STDERR_FILENO, POLLOUT, 0});
  if (monitor_) monitor_->add_to(polled);
  int patience = -1;
  if (const Deadline deadline = next_deadline(now)) {
    const auto left = std::chrono::ceil<milliseconds>(*deadline - now).count();
    patience = static_cast<int>(std::clamp<decltype(left)>(left, 0, 60'000));
  }
  if (poll(polled.data(), polled.size(), patience) < 0 && errno != EINTR) {
    throw std::system_error(errno, std::generic_category(), "poll");
  }
}

Deadline Container::next_deadline(Clock::time_point now) const {
  Deadline first = timer_;
  const auto keep_earlier = [&first](Clock::time_point other) {
    if (!first || other < *first) first = other;
  };
  if (monitor_ && monitor_->deadline()) keep_earlier(*monitor_->deadline());
  if (machine_.awaits_server()) keep_earlier(now + (options_.patroni ? kWatchPatroniEvery : kWatchEvery));
  if (machine_.awaits_space()) keep_earlier(now + kLookForSpaceEvery);
  if (machine_.stopping() && options_.patroni && server_ == 0) keep_earlier(now + milliseconds(100));
  if (registration_ && machine_.phase() == Phase::kReady && registration_->deadline())
    keep_earlier(*registration_->deadline());
  if (backups_ && machine_.phase() == Phase::kReady && backups_->pid() == 0) {
    keep_earlier(std::max(backups_->deadline(), now + milliseconds(100)));
  }
  if (backup_server_ && machine_.phase() == Phase::kReady && backup_server_->pid() == 0)
    keep_earlier(std::max(backup_server_->deadline(), now + milliseconds(100)));
  return first;
}

HealthState Container::health_state(Clock::time_point now) const {
  HealthState state;
  state.phase = machine_.phase();
  state.started = machine_.started();
  state.waiting_for_space = machine_.awaits_space();
  state.restarts = machine_.restarts();
  state.reaped = reaped_;
  state.uptime = std::chrono::duration<double>(now - began_).count();
  state.resident = resident_bytes();
  state.errors_logged = logged(Level::kError) + logged(Level::kFatal);
  if (backups_) state.backup = backups_->health();
  if (registration_) state.citus = registration_->health();
  return state;
}

void Container::end() {
  const int killed = end_strays();
  if (killed > 0)
    log(Level::kDebug, "ended " + std::to_string(killed) + " processes that were left behind");
  read_outputs(true);
  log(*exit_code_ == 0 ? Level::kInfo : Level::kError,
      "the container ends with exit code " + std::to_string(*exit_code_));
  drain_log(kLastWords);
}

}  // namespace pg_entrypoint
