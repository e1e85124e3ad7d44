#include "volume.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "exit_code.h"

namespace pg_entrypoint {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStamp = ".init-in-progress";
constexpr std::uintmax_t kControlFileSize = 8192;

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

bool is_empty(const std::string& pgdata) {
  for (const fs::directory_entry& entry : fs::directory_iterator(pgdata)) {
    if (entry.path().filename() != "lost+found") return false;
  }
  return true;
}

Volume inspect_content(const std::string& pgdata, const std::string& major) {
  const fs::path root(pgdata);
  if (fs::exists(root / kStamp)) {
    return refused(exit_code::kData,
                   "PGDATA " + pgdata +
                       " was left half-initialised: an earlier first start did not finish, and what "
                       "is there can't be trusted. Either look at that start's log, put the cause right, "
                       "empty the volume "
                       "and start again; or, if you know the cluster to be complete, remove " +
                       pgdata + "/" + kStamp);
  }
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
  std::error_code error;
  if (fs::file_size(root / "global" / "pg_control", error) != kControlFileSize || error) {
    return refused(exit_code::kData,
                   "PGDATA " + pgdata +
                       " is damaged: global/pg_control is missing or incomplete. Restore a backup, or "
                       "empty the volume to start anew");
  }
  return {VolumeState::kReady, 0, ""};
}

}  // namespace

Volume inspect_volume(const std::string& pgdata, const std::string& major) {
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
  return inspect_content(pgdata, major);
}

std::string staging_dir(const std::string& pgdata) { return pgdata + "/" + kStamp + "/data"; }

void begin_initialisation(const std::string& pgdata) {
  std::error_code error;
  fs::create_directories(pgdata, error);
  if (error) fail_at("create PGDATA " + pgdata, error.value());
  if (chmod(pgdata.c_str(), 0700) != 0) fail_at("set the mode of PGDATA " + pgdata, errno);
  const std::string stamp = pgdata + "/" + kStamp;
  if (mkdir(stamp.c_str(), 0700) != 0) fail_at("create " + stamp, errno);
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

}  // namespace pg_entrypoint
