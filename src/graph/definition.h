// The part of a vertex's cache key that the Dockerfile decides.
#pragma once

#include "graph/op.h"
#include "oci/digest.h"

namespace pgstrata::graph {

/// Digest over everything in `op` that decides its result, except the content of its inputs: those enter
/// the key through the solver, in the order of inputs(op). Vertex ids don't enter (they move when a line is
/// added above), only the place of every input in inputs(op), or the context's name; proxy_env never does.
[[nodiscard]] oci::Digest definition_digest(const Op& op);

}  // namespace pgstrata::graph
