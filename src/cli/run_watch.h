// `pgstrata run --watch`.
#pragma once

#include <functional>

#include "cli/command.h"
#include "container/options.h"
#include "core/result.h"

namespace pgstrata::cli {

/// Runs a container and, whenever its image's name comes to mean another image, stops it and runs it again
/// with the same options, until a signal ends it. A container that ends by itself waits for the next image.
/// The result is the last container's exit code. `run` runs in a child process each time, in the
/// foreground.
Result<int> run_and_watch(
    const GlobalOptions& global, container::RunOptions options,
    const std::function<int(const GlobalOptions&, const container::RunOptions&)>& run);

}  // namespace pgstrata::cli
