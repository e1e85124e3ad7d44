#pragma once

#include "cli/command.h"
#include "solver/mutant.h"

namespace pgstrata::cli {

Command add_build(CLI::App& app, const GlobalOptions& global);

/// The fault that builds of this process are to have: none, unless a test's main() orders one.
extern solver::Mutant mutant;

}  // namespace pgstrata::cli
