// The namespaces that pgstrata itself works in, entered once, when the first step has to run.
#pragma once

#include <optional>

#include "core/result.h"

namespace pgstrata::sandbox {

/// Root: a private mount namespace. Plain user: a user namespace with the whole subordinate range
/// (newuidmap, newgidmap; the user's own id alone where there is none) and a mount namespace; from
/// then on this process is "root" in it. Mounts made later vanish with the process, however it ends.
/// The process must have one thread. A second call does nothing. kMachine names what is missing and how to
/// get it.
Result<void> enter_namespaces();

/// True once enter_namespaces() has succeeded outside of the machine's first user namespace (a plain user,
/// or root of a rootless container): overlay then needs the `userxattr` option.
[[nodiscard]] bool is_rootless();

/// True for root of the machine's first user namespace, who may give files to anybody; also before
/// enter_namespaces().
[[nodiscard]] bool is_root_of_machine();

/// Set where only one user id could be mapped: why, and the remedy. Steps then run as root alone, and chown
/// to anybody else fails in them (EINVAL): worth a warning before the first step. Launcher::run() returns
/// this error for any other uid, gid or group.
[[nodiscard]] std::optional<Error> missing_ids();

}  // namespace pgstrata::sandbox
