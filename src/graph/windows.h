// Paths of Windows images, as BuildKit's util/system has them: slashes within a build, backslashes in the
// configuration, and no drive but C:.
#pragma once

#include <string>

#include "core/result.h"
#include "oci/platform.h"

namespace pgstrata::graph {

[[nodiscard]] bool is_windows(const oci::Platform& platform);

/// `path` with slashes and without "C:". kUsage without place: another drive, a drive alone, a UNC path.
Result<std::string> without_drive(std::string path);

[[nodiscard]] std::string with_backslashes(std::string path);

}  // namespace pgstrata::graph
