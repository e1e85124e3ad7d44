#include "volume.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "control_file.h"
#include "exit_code.h"
#include "log.h"

namespace pg_entrypoint {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStamp = ".init-in-progress";
constexpr const char* kFailed = "failed";  // in the stamp's folder: why

[[noreturn]] void fail_at(const std::string& what, int error) {
  throw std::system_error(error, std::generic_category(), what);
}

Volume refused(int code, std::string message) { return {VolumeState::kRefused, code, std::move(message)}; }

std::string octal(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", mode & 07777U);
  return text.data();
}

std::optional<Volume> refused_permissions(const std::string& pgdata, const struct stat& info) {
  const std::string facts = "PGDATA " + pgdata + " has owner " + std::to_string(info.st_uid) + ", group " +
                            std::to_string(info.st_gid) + ", mode " + octal(info.st_mode) +
                            ", and this container runs as user " + std::to_string(geteuid());
  if (info.st_uid != geteuid()) {
    return refused(
        exit_code::kPermission,
        facts + ": PostgreSQL serves only a folder of its own user. Either run `chown -R " +
            std::to_string(geteuid()) + " FOLDER` on the volume, or start the container with --user " +
            std::to_string(info.st_uid) + ", or set PGDATA to a new folder inside of the volume");
  }
  if ((info.st_mode & 0700U) != 0700U) {
    return refused(
        exit_code::kPermission,
        facts + ": the owner needs to read, write and enter it. Run `chmod 0700 FOLDER` on the volume");
  }
  return std::nullopt;
}

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Everything in `folder` but `kept` and lost+found.
void remove_content(const fs::path& folder, const std::string& kept) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const fs::path name = entry.path().filename();
    if (name != kept && name != "lost+found") entries.push_back(entry.path());
  }
  for (const fs::path& entry : entries) {
    fs::remove_all(entry, error);
    if (error) fail_at("remove " + entry.string(), error.value());
  }
}

bool is_empty(const std::string& pgdata) {
  for (const fs::directory_entry& entry : fs::directory_iterator(pgdata)) {
    if (entry.path().filename() != "lost+found") return false;
  }
  return true;
}

/// Stopped or killed: what is there was made by the initialisation alone, and can be made again. Failed: it
/// would fail again, and what it has left may tell why.
Volume inspect_unfinished(const std::string& pgdata, bool wipe_failed) {
  const std::string why = first_line(fs::path(pgdata) / kStamp / kFailed);
  if (why.empty() || wipe_failed) return {VolumeState::kInterrupted, 0, ""};
  return refused(exit_code::kData,
                 "PGDATA " + pgdata + " was left half-initialised by an earlier first start: " + why +
                     ". Look at that start's log and put the cause right; then either empty the volume, "
                     "or start once with INIT_ON_FAILURE=wipe, which removes what that start made");
}

Volume inspect_content(const std::string& pgdata, const std::string& major, bool wipe_failed) {
  const fs::path root(pgdata);
  if (fs::exists(root / kStamp)) return inspect_unfinished(pgdata, wipe_failed);
  if (is_empty(pgdata)) return {VolumeState::kEmpty, 0, ""};
  const std::string version = first_line(root / "PG_VERSION");
  if (version.empty()) {
    return refused(exit_code::kData,
                   "PGDATA " + pgdata +
                       " is not empty and holds no PostgreSQL cluster (no PG_VERSION). Nothing was "
                       "touched. Mount an empty volume, or set PGDATA to a new folder inside of this one");
  }
  if (!major.empty() && version != major) {
    return refused(exit_code::kData, "PGDATA " + pgdata + " is a cluster of PostgreSQL " + version +
                                         ", and this image serves " + major +
                                         ". Start it with an image of PostgreSQL " + version +
                                         ", or upgrade the data with pg_upgrade or by "
                                         "dump and restore");
  }
  if (const std::string damage = control_file_damage(pgdata); !damage.empty()) {
    return refused(exit_code::kData, "PGDATA " + pgdata + " is damaged: global/pg_control " + damage +
                                         ". Restore a backup, or empty the volume to start anew");
  }
  return {VolumeState::kReady, 0, ""};
}

}  // namespace

Volume inspect_volume(const std::string& pgdata, const std::string& major, bool wipe_failed) {
  struct stat info {};
  if (stat(pgdata.c_str(), &info) != 0) {
    if (errno == ENOENT) return {VolumeState::kEmpty, 0, ""};
    return refused(exit_code::kPermission, "PGDATA " + pgdata +
                                               " can't be reached: " + std::strerror(errno) +
                                               "; check the owner and mode of the folders above it");
  }
  if (!S_ISDIR(info.st_mode))
    return refused(exit_code::kData, "PGDATA " + pgdata + " is not a folder; mount one there");
  if (auto refusal = refused_permissions(pgdata, info)) return *refusal;
  return inspect_content(pgdata, major, wipe_failed);
}

std::string staging_dir(const std::string& pgdata) { return pgdata + "/" + kStamp + "/data"; }

bool is_unfinished(const std::string& pgdata) { return fs::exists(fs::path(pgdata) / kStamp); }

void begin_initialisation(const std::string& pgdata) {
  std::error_code error;
  fs::create_directories(pgdata, error);
  if (error) fail_at("create PGDATA " + pgdata, error.value());
  if (chmod(pgdata.c_str(), 0700) != 0) fail_at("set the mode of PGDATA " + pgdata, errno);
  if (is_unfinished(pgdata)) discard_unfinished(pgdata);
  const std::string stamp = pgdata + "/" + kStamp;
  if (mkdir(stamp.c_str(), 0700) != 0) fail_at("create " + stamp, errno);
}

void discard_unfinished(const std::string& pgdata) {
  const fs::path root(pgdata);
  if (!is_unfinished(pgdata)) return;
  std::error_code error;
  for (const fs::path& wal : {root / "pg_wal", root / kStamp / "data" / "pg_wal"}) {
    if (fs::is_symlink(wal, error)) remove_content(fs::canonical(wal, error), "");
  }
  remove_content(root, kStamp);
  fs::remove_all(root / kStamp, error);
  if (error) fail_at("remove " + (root / kStamp).string(), error.value());
}

void adopt_staged(const std::string& pgdata) {
  const fs::path staging(staging_dir(pgdata));
  std::error_code error;
  std::vector<fs::path> entries;
  for (const fs::directory_entry& entry : fs::directory_iterator(staging, error))
    entries.push_back(entry.path());
  if (error) fail_at("read " + staging.string(), error.value());
  for (const fs::path& entry : entries) {
    fs::rename(entry, fs::path(pgdata) / entry.filename(), error);
    if (error) fail_at("move " + entry.string() + " to " + pgdata, error.value());
  }
}

void mark_failed(const std::string& pgdata, const std::string& why) noexcept {
  try {
    std::ofstream file(fs::path(pgdata) / kStamp / kFailed);
    file << why << '\n';
  } catch (...) {  // then the next start begins anew, which is no worse
  }
}

void finish_initialisation(const std::string& pgdata) {
  const int directory = open(pgdata.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) fail_at("open PGDATA " + pgdata, errno);
  const bool on_disk = syncfs(directory) == 0;
  const int sync_errno = errno;
  std::error_code error;
  if (on_disk) fs::remove_all(pgdata + "/" + kStamp, error);
  fsync(directory);
  close(directory);
  if (!on_disk) fail_at("write PGDATA " + pgdata + " to the disk", sync_errno);
  if (error) fail_at("remove " + pgdata + "/" + kStamp, error.value());
}

VolumeLock::~VolumeLock() {
  if (fd_ >= 0) close(fd_);
}

bool VolumeLock::take(const std::string& pgdata) {
  if (fd_ >= 0) return true;
  fd_ = open(pgdata.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd_ < 0) fail_at("open PGDATA " + pgdata, errno);
  for (int tries = 0; tries < 60; ++tries) {
    if (flock(fd_, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK) return true;  // a file system without locks: nothing can be known
    usleep(50'000);
  }
  close(fd_);
  fd_ = -1;
  return false;
}

pid_t postmaster_of(const std::string& pgdata) {
  return static_cast<pid_t>(
      std::strtol(first_line(fs::path(pgdata) / "postmaster.pid").c_str(), nullptr, 10));
}

bool postmaster_is_ready(const std::string& pgdata, pid_t expected) {
  const pid_t pid = postmaster_of(pgdata);
  if (pid <= 0 || (expected != 0 ? pid != expected : kill(pid, 0) != 0)) return false;
  std::ifstream file(fs::path(pgdata) / "postmaster.pid");
  std::string line;
  for (int i = 0; i < 8; ++i) {
    if (!std::getline(file, line)) return false;  // the eighth is its state
  }
  return line.starts_with("ready");
}

std::string remove_stale_pid_file(const std::string& pgdata) {
  const pid_t pid = postmaster_of(pgdata);
  if (pid <= 0) return "";
  const auto is_postgres = [pid] {
    const std::string process = "/proc/" + std::to_string(pid);
    // A zombie has a name still, but no program.
    return first_line(process + "/comm") == "postgres" && !first_line(process + "/cmdline").empty();
  };
  // A server of this volume's last container may be ending just now.
  for (int tries = 0; is_postgres(); ++tries) {
    if (tries == 50) {
      return "a PostgreSQL server runs in PGDATA " + pgdata + " already (process " + std::to_string(pid) +
             "); stop it, or give this container a volume of its own";
    }
    usleep(100'000);
  }
  if (kill(pid, 0) == 0 || errno == EPERM) {
    log(Level::kInfo,
        "removing a stale postmaster.pid: process " + std::to_string(pid) + " is not a server any more");
    unlink((pgdata + "/postmaster.pid").c_str());
  }
  return "";
}

}  // namespace pg_entrypoint
