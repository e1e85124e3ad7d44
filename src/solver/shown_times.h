// The modification times of a chain as a step of this build is shown them (vertex_result.h, Chain).
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "snapshot/chain_view.h"
#include "solver/vertex_result.h"

namespace pgstrata::solver {

/// The time to show for the file at a path whose own time is `mtime_ns`.
using ShownTimes = std::function<std::int64_t(std::string_view path, std::int64_t mtime_ns)>;

/// None if all files show their own. The chain's times are copied, so it may be a temporary; `view` is
/// borrowed for as long as the function is used. May be called from several threads.
[[nodiscard]] ShownTimes shown_times(const Chain& chain, const snapshot::ChainView& view);

}  // namespace pgstrata::solver
