// The mounts of a sandbox, made in the calling thread's own mount namespace before the program is forked.
#pragma once

#include "core/result.h"
#include "os/fd.h"
#include "sandbox/launcher.h"
#include "sandbox/target.h"

namespace pgstrata::sandbox {

/// What is needed after the mounts are made: by the forked program, and at its end.
struct RootFilesystem {
  os::Fd root;  ///< the root file system's mount, attached at spec.rootfs
  os::Fd proc;  ///< O_PATH: where /proc is to be mounted, by a process of the right PID namespace
  os::Fd null;  ///< its /dev/null, open for reading and writing
  os::Fd resolv_conf_reads;  ///< while open, reads of /etc/resolv.conf are watched; none without one
};

/// Binds spec.rootfs to itself and mounts /dev, /sys, /etc/hosts, /etc/resolv.conf and spec.mounts in it,
/// creates spec.cwd. `stubs` gets what was created only to be mounted on, also if it fails.
Result<RootFilesystem> build_root_filesystem(const ProcessSpec& spec, Stubs& stubs);

}  // namespace pgstrata::sandbox
