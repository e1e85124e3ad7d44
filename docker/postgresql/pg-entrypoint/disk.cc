#include "disk.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <optional>

namespace pg_entrypoint {
namespace {

constexpr std::uint64_t kSegment = std::uint64_t{16} << 20U;

std::optional<DiskSpace> look_at(const std::string& name, const std::string& path) {
  struct statvfs info {};
  if (statvfs(path.c_str(), &info) != 0) return std::nullopt;
  return DiskSpace{name, path, std::uint64_t{info.f_blocks} * info.f_frsize,
                   std::uint64_t{info.f_bavail} * info.f_frsize};
}

}  // namespace

std::vector<DiskSpace> look_at_disks(const std::string& pgdata) {
  std::vector<DiskSpace> disks;
  struct stat data {};
  struct stat wal {};
  if (stat(pgdata.c_str(), &data) != 0) return disks;
  if (const auto disk = look_at("data", pgdata)) disks.push_back(*disk);
  const std::string wal_path = pgdata + "/pg_wal";
  if (stat(wal_path.c_str(), &wal) == 0 && wal.st_dev != data.st_dev) {
    if (const auto disk = look_at("wal", wal_path)) disks.push_back(*disk);
  }
  return disks;
}

bool is_full(const DiskSpace& disk) { return disk.free < kSegment; }

bool has_room_again(const DiskSpace& disk) { return disk.free >= 2 * kSegment; }

bool is_nearly_full(const DiskSpace& disk) { return disk.total > 0 && disk.free < disk.total / 10; }

}  // namespace pg_entrypoint
