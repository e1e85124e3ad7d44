// The builds of several platforms as one graph, so that they are solved together.
#pragma once

#include <vector>

#include "graph/op.h"

namespace pgstrata::graph {

struct MergedGraph {
  BuildGraph graph;  ///< with the target of the first
  /// For each build, where its vertices are in `graph`.
  std::vector<std::vector<VertexId>> places;
  std::vector<std::optional<VertexId>> roots;  ///< the root file system of each build's target
};

/// Steps that are the same in several builds are there once: the same instruction that does the same to the
/// same files, and for a RUN on the same platform. So a stage FROM --platform=$BUILDPLATFORM is made once,
/// if no variable of the target is in it. It has the name that it has in the first of them. At least one
/// graph.
[[nodiscard]] MergedGraph merge(const std::vector<BuildGraph>& graphs);

}  // namespace pgstrata::graph
