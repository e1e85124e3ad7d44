// /dev of a sandbox.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"
#include "os/fd.h"
#include "sandbox/launcher.h"
#include "sandbox/target.h"

namespace pgstrata::sandbox {

/// Whether /dev/shm is there: Docker's, of 64 MiB, or none, as a mount of the step takes its place.
enum class Shm { kDockers, kNone };

/// Mounts Docker's /dev on `target` (O_PATH): a tmpfs with null, zero, full, random, urandom, tty; pts,
/// shm, mqueue; and the usual links. Returns a descriptor of its root. umask must be 0.
Result<os::Fd> mount_devices(int target, Shm shm);

/// Makes a node in the root file system, or binds the machine's where that isn't possible. One that is
/// there already stays. kNotFound if there is none on the machine either.
Result<void> add_device(int root, const DeviceNode& node, Stubs& stubs);

/// Those that BuildKit gives to insecure steps, as far as they can be made. None for a plain user.
Result<void> add_insecure_devices(int root, Stubs& stubs);

}  // namespace pgstrata::sandbox
