// RUN --device: which devices of the machine a build means and may use, and what a step gets of them.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "cdi/registry.h"
#include "core/result.h"
#include "graph/op.h"
#include "sandbox/launcher.h"

namespace pgstrata::solver {

/// Puts qualified names in place of those that the RUNs of the graph ask for. The rules are BuildKit's
/// (solver/llbsolver/vertex.go, ValidateEntitlements): `allowed` are the words of --allow, of which
/// "device" allows all, "device=NAME" one and "device=NAME,alias=OTHER" NAME where a RUN asks for OTHER; a
/// device may also allow itself. An optional device that the machine hasn't got is left out. kUsage for a
/// required one, and for one that isn't allowed, with FILE:LINE of the instruction.
Result<void> resolve_devices(graph::BuildGraph& graph, const std::set<std::string>& allowed,
                             const cdi::Registry& registry, const std::string& dockerfile);

/// The same with the machine's own specifications, which are read only if some RUN asks for a device; then
/// they are returned.
Result<std::unique_ptr<cdi::Registry>> resolve_devices(graph::BuildGraph& graph,
                                                       const std::set<std::string>& allowed,
                                                       const std::string& dockerfile);

/// Adds nodes, mounts, variables and groups of the devices to what will run. kMachine for what a
/// specification asks for and can't be done here.
Result<void> add_devices(const graph::ExecOp& op, const cdi::Registry& registry,
                         sandbox::ProcessSpec& spec);

}  // namespace pgstrata::solver
