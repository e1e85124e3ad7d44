// The kernel's descriptor-based mount calls (Linux 5.12: open_tree, fsopen, move_mount, mount_setattr).
// Targets are descriptors and never paths, so no link can lead a mount out of the root file system.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "os/fd.h"

namespace pgstrata::sandbox {

/// key=value; an empty value makes it a flag.
using FsOptions = std::vector<std::pair<std::string, std::string>>;

/// A new file system of `type`, not attached anywhere yet. `attributes` are MOUNT_ATTR_*.
Result<os::Fd> new_filesystem(const char* type, const FsOptions& options, std::uint64_t attributes);

/// A detached copy of what is mounted at `path` (relative to `dir`, or `dir` itself when empty), with
/// everything mounted below it. kNotFound if there is no such file.
Result<os::Fd> clone_tree(int dir, const std::string& path);

/// Adds MOUNT_ATTR_* `attributes` to a mount and all mounts below it.
Result<void> set_attributes(int mount, std::uint64_t attributes, const std::string& shown);

/// Attaches a detached mount at the file or directory that `target` is open on.
Result<void> attach(int mount, int target, const std::string& shown);

}  // namespace pgstrata::sandbox
