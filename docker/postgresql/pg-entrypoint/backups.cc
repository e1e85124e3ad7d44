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

void Backups::advance(Clock::time_point now, const std::optional<ServerFacts>& facts,
                      const sigset_t& mask) {
  if (pid_ != 0 || now < next_ || !facts) return;
  if (facts->in_recovery) {  // the leader makes them
    next_ = now + kRetry;
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
  Command command = backup_command(options_, {"info", "--output=json", "--log-level-console=off"});
  command.output_fd = info_fd_;
  const Started started = start(command, mask);
  if (started.exec_errno == 0) pid_ = started.pid;
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
      fail(now, "stanza-create", exit_code);
      return true;
    }
    stage_ = Stage::kLook;
  } else if (stage_ == Stage::kLook) {
    const std::string text = read_info();
    const auto info = exit_code == 0 ? read_backup_info(text) : std::nullopt;
    if (!info) {
      fail(now, "info", exit_code);
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
      fail(now, "backup", exit_code);
    } else {
      log(Level::kInfo, "the backup is complete");
    }
  }
  return true;
}

void Backups::fail(Clock::time_point now, const std::string& what, int exit_code) {
  ++failures_;
  next_ = now + kRetry;
  log(Level::kError, "pgbackrest " + what + " failed (exit code " + std::to_string(exit_code) +
                         "); tried again in a minute, and the lines above say why");
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
