// Replaces a Dockerfile by another one.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace pgstrata::advise {

/// Writes `after` in place of `before`: complete or not at all, with the same mode and owner, through a
/// symbolic link. kUsage, and nothing is written, if the file doesn't say `before` any more.
Result<void> write_back(const std::string& path, std::string_view before, std::string_view after);

}  // namespace pgstrata::advise
