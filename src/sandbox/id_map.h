// Filling the maps of a new user namespace (user_namespaces(7)).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "os/fd.h"

namespace pgstrata::sandbox {

/// The whole range through newuidmap and newgidmap (uidmap package), or nothing but our own id.
struct FullMap {
  std::string newuidmap;  ///< absolute paths
  std::string newgidmap;
  std::vector<std::string> uid_arguments;
  std::vector<std::string> gid_arguments;
};

/// What this user may map: /etc/subuid, /etc/subgid and the two programs. Without them an error that
/// names what is missing and how to get it.
Result<FullMap> find_full_map(uid_t uid, gid_t gid);

/// A child that stays in the old user namespace, as the two programs must, and waits for the go.
class MapHelper {
 public:
  /// Forks. Call before unshare(CLONE_NEWUSER).
  static Result<MapHelper> start(const FullMap& map);
  /// Call after it: lets the child write our maps. kMachine with what the programs said.
  Result<void> finish();

 private:
  MapHelper(pid_t child, os::Fd go, os::Fd said);
  pid_t child_;
  os::Fd go_;
  os::Fd said_;
};

/// Maps `uid` and `gid`, our own outside, to 0. The kernel wants setgroups denied first, for good.
Result<void> write_single_map(uid_t uid, gid_t gid);

}  // namespace pgstrata::sandbox
