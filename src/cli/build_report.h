// Carries what the solver tells to the progress display, and collects it for --metadata-file.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "graph/op.h"
#include "oci/manifest.h"
#include "progress/event.h"
#include "solver/observer.h"

namespace pgstrata::cli {

class BuildReport final : public solver::Observer {
 public:
  /// Steps are shown behind the `steps_before` that the sink knows already.
  BuildReport(const graph::BuildGraph& graph, progress::Sink& sink, std::size_t steps_before);

  void started(graph::VertexId id, std::string_view reason) override;
  void output(graph::VertexId id, std::string_view text) override;
  void finished(graph::VertexId id, const solver::VertexResult& result) override;
  void warned(graph::VertexId id, std::string_view text) override;
  void failed(graph::VertexId id, const Error& error) override;

  /// The JSON of --metadata-file (docs/contracts/metadata.schema.json).
  [[nodiscard]] std::string metadata(const oci::Descriptor& manifest, const oci::Digest& config,
                                     const std::vector<std::string>& names) const;

 private:
  const graph::BuildGraph& graph_;
  progress::Sink& sink_;
  const std::size_t steps_before_;
  mutable std::mutex mutex_;
  std::map<graph::VertexId, solver::VertexResult> results_;
};

}  // namespace pgstrata::cli
