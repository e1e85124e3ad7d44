// Several builds that put their images, or their shared caches, into one directory at once.
#pragma once

#include <string>

#include "core/result.h"
#include "os/fd.h"

namespace pgstrata::exporter {

/// Held while index.json of an image layout is read and replaced: nobody else of us does so meanwhile.
/// Waits for it. Of the directory itself, so that nothing is left in it. Some network file systems can't
/// lock one; there it is as if nobody else were at work.
Result<os::Fd> lock_layout(const std::string& directory);

}  // namespace pgstrata::exporter
