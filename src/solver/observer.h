// What a build tells while it runs. The command line turns it into progress display and --metadata-file.
#pragma once

#include <string_view>

#include "graph/op.h"
#include "solver/vertex_result.h"

namespace pgstrata::solver {

/// Calls come from several threads, those of one vertex in order.
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  /// The vertex has to run; `reason` says why it could not be reused.
  virtual void started(graph::VertexId id, std::string_view reason) = 0;
  /// A piece of the step's output as it was read.
  virtual void output(graph::VertexId id, std::string_view text) = 0;
  virtual void finished(graph::VertexId id, const VertexResult& result) = 0;
  /// Something about the step that its author should know; `text` is a sentence.
  virtual void warned(graph::VertexId id, std::string_view text) = 0;
  virtual void failed(graph::VertexId id, const Error& error) = 0;
};

}  // namespace pgstrata::solver
