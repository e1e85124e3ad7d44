// Whether a file that can't be read as an archive set out to be one.
#pragma once

#include "core/result.h"

namespace pgstrata::layer {

/// True if `fd` (read from its start) is gzip and what can be decompressed of it, however little, begins
/// with a whole header of a tar. libarchive gives nothing of a block of output that it can't complete; Go's
/// readers, by which BuildKit decides, give all up to the damage.
Result<bool> begins_as_gzipped_tar(int fd);

}  // namespace pgstrata::layer
