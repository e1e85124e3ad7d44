// `pgstrata build --watch`.
#pragma once

#include <functional>

#include "cli/build_options.h"
#include "core/result.h"

namespace pgstrata::cli {

/// Builds, and builds again after each change in the directories that the options name, until a signal ends
/// it: then 130. A build that fails is told and waits for the next change as well. `build` runs in a child
/// process each time. kUsage if CONTEXT or the Dockerfile isn't in a directory of this machine.
Result<int> build_and_watch(const BuildOptions& options, const std::function<Result<int>()>& build);

}  // namespace pgstrata::cli
