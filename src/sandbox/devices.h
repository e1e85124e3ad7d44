// /dev of a sandbox.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"
#include "os/fd.h"

namespace pgstrata::sandbox {

/// Mounts Docker's /dev on `target` (O_PATH): a tmpfs with null, zero, full, random, urandom, tty; pts,
/// shm, mqueue; and the usual links. Returns a descriptor of its root. umask must be 0.
/// `shm_size` is that of /dev/shm in bytes; 0 is Docker's 64 MiB.
Result<os::Fd> mount_devices(int target, std::uint64_t shm_size);

}  // namespace pgstrata::sandbox
