// /dev of a sandbox.
#pragma once

#include <string>

#include "core/result.h"
#include "os/fd.h"

namespace pgstrata::sandbox {

/// Mounts Docker's /dev on `target` (O_PATH): a tmpfs with null, zero, full, random, urandom, tty; pts,
/// shm, mqueue; and the usual links. Returns a descriptor of its root. umask must be 0.
Result<os::Fd> mount_devices(int target);

}  // namespace pgstrata::sandbox
