// /proc of a sandbox. It shows the PID namespace of the process that mounts it, so this happens after
// the fork: system calls only, no memory from the heap.
#pragma once

#include <array>

namespace pgstrata::sandbox {

/// Mounts a fresh /proc on `target` (O_PATH), and returns a descriptor of its root; -1 with errno. In a
/// user namespace the kernel wants to see an unmasked /proc in the mount namespace (EPERM otherwise), so
/// the old root must still be there.
int mount_proc(int target);

/// Hides and protects what Docker does in a mounted /proc. `null` is an open /dev/null. False with errno.
bool mask_proc(int proc, int null);

/// Docker's masked paths outside of /proc, relative to /sys.
inline constexpr std::array kMaskedInSys = {"firmware", "devices/virtual/powercap"};

}  // namespace pgstrata::sandbox
