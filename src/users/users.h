// Users and groups of an image: USER and --chown name them by the /etc/passwd and /etc/group of the
// stage, never by the machine's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "filetree/file_tree.h"

namespace pgstrata::users {

/// Who a process runs as.
struct Identity {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;  ///< ascending, `gid` among them
  std::string home = "/";
};

/// Resolves "user", "user:group", "uid", "uid:gid" or any mixture; "" is root. As in Docker, a numeric
/// user that passwd doesn't know gets group 0 and home "/"; a given group replaces all others. As runc's
/// callers do, the primary group is also a supplementary one: setgid programs can't leave it behind. kUsage
/// for a name the stage doesn't have.
Result<Identity> resolve_identity(const filetree::FileTree& root, std::string_view user);

struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string unknown;  ///< a warning about a name that the stage doesn't have, or nothing
};

/// --chown's rule, and that of who owns a WORKDIR: without a group, the group is the number of the user
/// (uid for numbers, the primary group for names). As BuildKit has it, "root" is 0 wherever there is no
/// passwd, and so is every name that the stage's files don't have; Owner::unknown names it. `root` is null
/// where there is no stage to ask (FROM scratch, --link): then other names are kUsage.
Result<Owner> resolve_owner(const filetree::FileTree* root, std::string_view chown);

}  // namespace pgstrata::users
