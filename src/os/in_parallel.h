// The same work for each of a list of things, by several threads.
#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>

#include "core/result.h"

namespace pgstrata::os {

/// Calls `task` with 0, 1, … count - 1, in at most `threads` threads of its own, which have ended when it
/// returns. The first error stops those that look at their token, no further ones begin, and it is
/// returned.
Result<void> in_parallel(std::size_t count, std::size_t threads, const std::stop_token& stop,
                         const std::function<Result<void>(std::size_t, const std::stop_token&)>& task);

}  // namespace pgstrata::os
