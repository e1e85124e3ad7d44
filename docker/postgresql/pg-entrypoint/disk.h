// How full the file systems of PGDATA and of the write-ahead log are.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace pg_entrypoint {

struct DiskSpace {
  std::string name;  // "data", "wal"
  std::string path;
  std::uint64_t total = 0;  // bytes
  std::uint64_t free = 0;   // bytes that the server's user may still write
};

/// PGDATA, and pg_wal if that is another file system. Empty while there is neither.
std::vector<DiskSpace> look_at_disks(const std::string& pgdata);

/// PostgreSQL can't go on without room for one more segment of its log (16 MB).
bool is_full(const DiskSpace& disk);
/// A server that ran into a full disk needs a little more than that to recover.
bool has_room_again(const DiskSpace& disk);
/// Above 90 %.
bool is_nearly_full(const DiskSpace& disk);

}  // namespace pg_entrypoint
