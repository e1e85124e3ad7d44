// Volumes: directories of the store that outlive the containers they are mounted in.
#pragma once

#include <string>

#include "container/options.h"
#include "container/record.h"
#include "core/result.h"

namespace pgstrata::container {

/// The directory of the machine to mount for `volume`. A missing host directory is created. A volume that
/// doesn't exist yet is, with what the root file system mounted at `rootfs` has at its target, owners and
/// modes included; two starts at once make it once. An anonymous one gets `anonymous` as its name.
Result<std::string> prepare_volume(const std::string& root, const std::string& rootfs, const Volume& volume,
                                   const std::string& anonymous);

/// The bind mount of `source` at the volume's target.
[[nodiscard]] Mount volume_mount(const std::string& source, const Volume& volume, bool rootless);
/// A bind mount's options: in a user namespace a mount can't be made laxer than its source is.
[[nodiscard]] std::vector<std::string> bind_options(const std::string& source, bool read_only,
                                                    bool rootless);

}  // namespace pgstrata::container
