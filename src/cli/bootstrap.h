#pragma once

#include "cli/command.h"

namespace pgstrata::cli {

/// `pgstrata bootstrap NAME [--load] [--apt-sources FILE]`: a base image for machines that reach no
/// registry, also for Docker and buildah.
Command add_bootstrap(CLI::App& app, const GlobalOptions& global);

}  // namespace pgstrata::cli
