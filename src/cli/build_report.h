// Carries what the solver tells to the progress display, and collects it for --metadata-file and for the
// record that the store keeps of each build.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "graph/op.h"
#include "history/build_record.h"
#include "oci/manifest.h"
#include "progress/event.h"
#include "solver/observer.h"

namespace pgstrata::cli {

class BuildReport final : public solver::Observer {
 public:
  /// Steps are shown behind the `steps_before` that the sink knows already; their times count from `began`.
  /// `graph` is borrowed for as long as the solver reports.
  BuildReport(const graph::BuildGraph& graph, progress::Sink& sink, std::size_t steps_before,
              std::chrono::steady_clock::time_point began);

  void started(graph::VertexId id, std::string_view reason) override;
  void output(graph::VertexId id, std::string_view text) override;
  void finished(graph::VertexId id, const solver::VertexResult& result) override;
  void warned(graph::VertexId id, std::string_view text) override;
  void failed(graph::VertexId id, const Error& error) override;

  /// All steps as they are now: vertices in their order, then configuration instructions.
  [[nodiscard]] std::vector<history::Step> steps() const;
  /// The stage that is built.
  [[nodiscard]] const std::string& target() const { return target_; }

 private:
  [[nodiscard]] double now() const;

  const graph::BuildGraph& graph_;
  progress::Sink& sink_;
  const std::size_t steps_before_;
  const std::chrono::steady_clock::time_point began_;
  const std::string target_;
  mutable std::mutex mutex_;
  std::vector<history::Step> steps_;
};

/// The JSON of --metadata-file (docs/contracts/metadata.schema.json). An index has no `config`.
[[nodiscard]] std::string metadata(const std::vector<history::Step>& steps, const oci::Descriptor& manifest,
                                   const std::optional<oci::Digest>& config,
                                   const std::vector<std::string>& names);

}  // namespace pgstrata::cli
