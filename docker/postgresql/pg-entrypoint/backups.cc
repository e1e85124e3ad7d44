#include "backups.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <ctime>

#include "backup_server.h"
#include "commands.h"
#include "log.h"

namespace pg_entrypoint {
namespace {

std::string code_text(int exit_code) { return "exit code " + std::to_string(exit_code); }
std::string with_lines_above(int exit_code) {
  return code_text(exit_code) + ", and the lines above say why";
}

}  // namespace

void Backups::advance(Clock::time_point now, const std::optional<ServerFacts>& facts,
                      const sigset_t& mask) {
  if (pid_ != 0 || now < next_ || !facts) return;
  if (facts->in_recovery) {  // the leader makes them
    next_ = now + kRetry;
    // What was due may be there by the time that this is the leader again.
    if (stage_ == Stage::kBackup) stage_ = Stage::kLook;
    return;
  }
  switch (stage_) {
    case Stage::kCreate:
      pid_ = start_child_(backup_command(options_, {"stanza-create"}), "pgbackrest");
      break;
    case Stage::kLook:
      look(mask);
      break;
    case Stage::kBackup:
      begin(facts->replicas > 0);
      break;
  }
  if (pid_ == 0) next_ = now + kRetry;
}

void Backups::begin(bool has_standby) {
  const BackupKind kind = due_backup(*options_.backup, last_, std::time(nullptr));
  const std::string type = kind == BackupKind::kFull ? "full" : "diff";
  std::vector<std::string> arguments{"backup", "--type=" + type};
  from_standby_ = options_.backup->standby && has_standby && !standby_failed_;
  standby_failed_ = false;
  if (from_standby_) {
    const std::vector<std::string> more = standby_arguments(options_);
    arguments.insert(arguments.end(), more.begin(), more.end());
  }
  log(Level::kInfo, "beginning a backup (" + type + (from_standby_ ? ", from a standby)" : ")"));
  pid_ = start_child_(backup_command(options_, arguments), "pgbackrest");
}

void Backups::look(const sigset_t& mask) {
  info_fd_ = memfd_create("pgbackrest-info", MFD_CLOEXEC);
  if (info_fd_ < 0) return;
  Command command = backup_command(
      options_, {"info", "--output=json", "--log-level-console=off", "--log-level-stderr=error"});
  command.output_fd = info_fd_;
  const Started started = start(command, mask);
  if (started.exec_errno == 0) {
    pid_ = started.pid;
    return;
  }
  close_info();
  fail("info", std::strerror(started.exec_errno));
}

std::string Backups::read_info() {
  std::string text;
  std::array<char, 4096> buffer{};
  lseek(info_fd_, 0, SEEK_SET);
  for (ssize_t got = read(info_fd_, buffer.data(), buffer.size()); got > 0;
       got = read(info_fd_, buffer.data(), buffer.size())) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  close_info();
  return text;
}

void Backups::close_info() {
  if (info_fd_ >= 0) close(info_fd_);
  info_fd_ = -1;
}

bool Backups::ended(pid_t pid, int exit_code, Clock::time_point now) {
  if (pid != pid_ || pid == 0) return false;
  pid_ = 0;
  next_ = now;
  if (stage_ == Stage::kCreate) {
    if (exit_code != 0) {
      next_ = now + kRetry;
      fail("stanza-create", with_lines_above(exit_code));
      return true;
    }
    stage_ = Stage::kLook;
  } else if (stage_ == Stage::kLook) {
    const std::string text = read_info();
    const auto info = exit_code == 0 ? read_backup_info(text) : std::nullopt;
    if (!info) {
      next_ = now + kRetry;
      fail("info", code_text(exit_code) + ": " + why_no_backup_info(text));
      return true;
    }
    last_ = *info;
    const long long unix_now = std::time(nullptr);
    if (due_backup(*options_.backup, last_, unix_now) != BackupKind::kNone) {
      stage_ = Stage::kBackup;
    } else {
      next_ = now + next_look(*options_.backup, last_, unix_now);
    }
  } else {
    stage_ = Stage::kLook;
    standby_failed_ = from_standby_ && exit_code != 0;
    if (standby_failed_) {
      ++failures_;
      log(Level::kError, "pgbackrest backup from a standby failed (exit code " + std::to_string(exit_code) +
                             "), and the lines above say why; the leader's own files are taken");
    } else if (exit_code != 0) {
      next_ = now + kRetry;
      fail("backup", with_lines_above(exit_code));
    } else {
      log(Level::kInfo, "the backup is complete");
    }
  }
  return true;
}

/// advance() and ended() have set when it is tried again.
void Backups::fail(const std::string& what, const std::string& why) {
  ++failures_;
  log(Level::kError, "pgbackrest " + what + " failed (" + why + "); tried again in a minute");
}

void Backups::stop() {
  if (pid_ != 0) kill(-pid_, SIGTERM);
}

BackupHealth Backups::health() const {
  const auto age = [](long long ended) {
    return ended == 0 ? -1.0 : static_cast<double>(std::time(nullptr) - ended);
  };
  return {age(last_.full), age(last_.any), pid_ != 0 && stage_ == Stage::kBackup, failures_};
}

}  // namespace pg_entrypoint
