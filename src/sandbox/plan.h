// From a ProcessSpec to the ProgramPlan: all strings and tables that the forked child needs.
#pragma once

#include "core/result.h"
#include "sandbox/launcher.h"
#include "sandbox/program.h"

namespace pgstrata::sandbox {

/// Fills all but the descriptors. The plan points into `spec`, and into itself: neither may move
/// afterwards.
Result<void> fill_plan(const ProcessSpec& spec, ProgramPlan& plan);

/// The paths to try for `program`: itself if it has a slash, else it in each directory of PATH, which is
/// taken from `env`, or Docker's default. An empty element is the working directory.
[[nodiscard]] std::vector<std::string> search_path(const std::string& program,
                                                   const std::vector<std::string>& env);

}  // namespace pgstrata::sandbox
