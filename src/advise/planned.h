// A Dockerfile planned for a layout, and what its steps have to do with the instructions that were there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "advise/cost.h"
#include "advise/layout.h"
#include "advise/recorded.h"
#include "graph/from_dockerfile.h"

namespace pgstrata::advise {

struct Planned {
  Rendered rendered;
  graph::BuildGraph graph;
  /// By vertex: the instruction that it comes from, or of whose COPY it is a part. Of images that of the
  /// FROM.
  std::vector<InstructionId> instructions;

  /// For each vertex the one of `original` that is the same instruction. Of the parts of a COPY it is the
  /// COPY.
  [[nodiscard]] std::vector<std::optional<graph::VertexId>> originals(const Planned& original) const;
};

Result<Planned> plan(const dockerfile::Dockerfile& dockerfile, const Layout& layout,
                     const graph::BuildRequest& request, graph::BaseResolver& bases);

/// What a COPY, an ADD or a WORKDIR costs in Docker at least: a layer is made, and its digest taken.
inline constexpr double kFileStepSeconds = 0.1;

/// The steps as the cost model has them. `originals` as above.
[[nodiscard]] std::vector<Step> cost_steps(const graph::BuildGraph& graph, const RecordedSteps& recorded,
                                           const std::vector<std::optional<graph::VertexId>>& originals);

}  // namespace pgstrata::advise
