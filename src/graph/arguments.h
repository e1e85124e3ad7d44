// Build arguments outside of stages: those that are always there, those before the first FROM, and those
// that steer the builder itself.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "dockerfile/expansion.h"
#include "dockerfile/parser.h"
#include "graph/environment.h"
#include "graph/from_dockerfile.h"

namespace pgstrata::graph {

/// The platform arguments (TARGETARCH …), TARGETSTAGE, and the ARG instructions before the first FROM with
/// the values of --build-arg: what FROM sees, and what an ARG without default in a stage takes its value
/// from.
Result<Environment> global_arguments(const dockerfile::Dockerfile& dockerfile, const BuildRequest& request);

/// HTTP_PROXY and its relatives in both cases, from --build-arg in either case, sorted.
[[nodiscard]] std::vector<std::string> proxy_environment(const BuildRequest& request);

/// The build argument `name`, or `otherwise`.
[[nodiscard]] std::string build_argument(const BuildRequest& request, const std::string& name,
                                         const std::string& otherwise);

[[nodiscard]] dockerfile::Lookup lookup_in(const Environment& environment);

}  // namespace pgstrata::graph
