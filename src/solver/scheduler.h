// The order of work: what can be reused is found first, in one thread, without a mount or a process;
// only if something has to run in the sandbox does the build enter its namespaces and go parallel.
#pragma once

#include <stop_token>
#include <vector>

#include "core/result.h"
#include "graph/op.h"
#include "solver/vertex_result.h"

namespace pgstrata::solver {

/// What the scheduler asks of the world. `done` holds the results of all vertices that `id` depends on.
class Executor {
 public:
  using Results = std::vector<std::optional<VertexResult>>;

  Executor() = default;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  virtual ~Executor() = default;

  /// True for what run() can only do inside the sandbox's namespaces.
  [[nodiscard]] virtual bool needs_sandbox(graph::VertexId id) const = 0;
  /// The stored result, or nothing: then the vertex has to run.
  virtual Result<std::optional<VertexResult>> reuse(graph::VertexId id, const Results& done) = 0;
  /// Called once, with one thread, before the first vertex that needs the sandbox.
  virtual Result<void> enter_sandbox() = 0;
  /// May be called from several threads.
  virtual Result<VertexResult> run(graph::VertexId id, const Results& done, std::stop_token stop) = 0;
};

/// Solves every vertex. The first failure stops the others and is returned; kCancelled after `stop`.
Result<std::vector<VertexResult>> schedule(const graph::BuildGraph& graph, Executor& executor,
                                           unsigned parallelism, std::stop_token stop);

}  // namespace pgstrata::solver
