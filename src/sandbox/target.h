// Where mounts go: targets inside the root file system, and the stubs made for those that don't exist.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "os/fd.h"

namespace pgstrata::sandbox {

enum class TargetType { kDirectory, kFile };

/// Files and directories that exist only to be mounted on. They are remembered by the directory they
/// were made in (a descriptor, so that a rename by the program doesn't matter), and removed in reverse
/// order.
class Stubs {
 public:
  Stubs() = default;
  Stubs(Stubs&&) noexcept = default;
  Stubs& operator=(Stubs&&) noexcept = default;

  /// Notes `name`, just created in `parent`, whose status was `before` until then.
  Result<void> add(int parent, const std::string& name, const struct stat& before);
  /// Removes those that are still what was made, and still empty. Where nothing else happened in a parent
  /// directory its mtime is put back, so that the directory leaves no trace either.
  void remove();

 private:
  struct Stub {
    os::Fd parent;
    std::string name;
    struct stat made;
    timespec mtime_before;
    timespec mtime_after;
  };
  static void remove(const Stub& stub);
  std::vector<Stub> stubs_;
};

/// Opens `path` as the program will see it (O_PATH): with `root` as the root directory, through the mounts
/// made so far, every link followed inside `root`, ".." stopping at it. What is missing is created,
/// 0755 directories and, as the last component, what `type` says; with `stubs` it is also noted there,
/// without it stays. kUsage for more than 255 links.
Result<os::Fd> open_target(int root, std::string_view path, TargetType type, Stubs* stubs);

}  // namespace pgstrata::sandbox
