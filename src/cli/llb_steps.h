// A build graph written as BuildKit writes its LLB definition (solver/pb/ops.proto, as Go's encoding/json
// shows it): what provenance with mode=max has as buildConfig. Only fields that the graph has a value for.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "attest/provenance.h"
#include "graph/op.h"
#include "solver/vertex_result.h"

namespace pgstrata::cli {

struct LlbSteps {
  std::vector<attest::BuildStep> steps;
  std::optional<std::size_t> result;
};
/// `references`: what a SourceOp's reference stands for, where that was resolved: "NAME:TAG@DIGEST".
/// Secrets are named by their ids, the variables of proxies aren't in it at all.
[[nodiscard]] LlbSteps llb_steps(const graph::BuildGraph& graph,
                                 const std::vector<solver::VertexResult>& results,
                                 const std::map<std::string, std::string>& references);

}  // namespace pgstrata::cli
