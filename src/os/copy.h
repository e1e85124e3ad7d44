// Bytes from one file into another without a way through this process, where the kernel can.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/result.h"

namespace pgstrata::os {

/// Copies `size` bytes from `offset` of `from` to the position of `to`. On file systems with shared extents
/// (btrfs, xfs) a whole file becomes a clone. kCorrupt if `from` ends before; `name` is that of `to`.
Result<void> copy_range(int from, std::uint64_t offset, std::uint64_t size, int to, std::string_view name);

}  // namespace pgstrata::os
