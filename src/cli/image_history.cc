#include "cli/image_history.h"

#include <fmt/format.h>

#include <algorithm>

namespace pgstrata::cli {
namespace {

using graph::VertexId;

/// What made a layer: the step, or nothing for one of the base image.
struct Origin {
  std::optional<VertexId> step;
  std::string description;
};

/// BuildKit's words for what a vertex made.
std::string description_of(const graph::Vertex& vertex) {
  const auto* exec = std::get_if<graph::ExecOp>(&vertex.op);
  return exec != nullptr ? fmt::format("mount / from exec {}", fmt::join(exec->argv, " ")) : vertex.name;
}

/// Of each layer of the target, bottom first.
std::vector<Origin> origins(const graph::BuildGraph& graph,
                            const std::vector<solver::VertexResult>& results) {
  std::vector<Origin> found;
  std::optional<VertexId> id = graph.target.root;
  if (id) found.resize(results[*id].chain.layers.size());
  for (; id; id = graph.vertices[*id].parent) {
    const graph::Vertex& vertex = graph.vertices[*id];
    const std::size_t count = results[*id].chain.layers.size();
    if (const auto* source = std::get_if<graph::SourceOp>(&vertex.op))
      std::fill_n(found.begin(), count, Origin{std::nullopt, "pulled from " + source->reference});
    else if (results[*id].layer && count > 0)
      found[count - 1] = {*id, description_of(vertex)};
  }
  return found;
}

/// One entry for each layer, whatever the base image's history says.
void balance(std::vector<oci::History>& history, const std::vector<Origin>& layers,
             const std::vector<solver::VertexResult>& results) {
  std::size_t count = 0;
  for (oci::History& step : history) {
    if (count == layers.size()) step.empty_layer = true;
    if (!step.empty_layer) ++count;
  }
  for (; count < layers.size(); ++count) {
    const auto& [step, description] = layers[count];
    const std::int64_t created = step ? results[*step].created_ns : 0;
    history.push_back({.created = created != 0 ? oci::format_time(created) : "",
                       .created_by = description,
                       .comment = "buildkit.exporter.image.v0"});
  }
}

}  // namespace

oci::ImageConfig finished_config(const graph::BuildGraph& graph,
                                 const std::vector<solver::VertexResult>& results,
                                 std::optional<std::int64_t> epoch) {
  const graph::StageResult& stage = graph.target;
  oci::ImageConfig config = stage.config;
  // Without a layer of its own it is as old as its base, and without a base it has no time, as BuildKit
  // does it: that of the build would give another ID each time.
  std::string last_of_base;
  for (const oci::History& step : config.history)
    if (!step.created.empty()) last_of_base = step.created;
  const std::size_t steps_of_base = config.history.size();
  std::string created;
  if (epoch) created = oci::format_time(*epoch * 1'000'000'000);
  for (const graph::HistoryStep& step : stage.history) {
    // An instruction without a layer is as old as the layer before it: a build that reuses everything
    // gives the same image, to the byte.
    if (step.vertex && !epoch && results[*step.vertex].created_ns != 0)
      created = oci::format_time(results[*step.vertex].created_ns);
    config.history.push_back({.created = created,
                              .created_by = step.created_by,
                              .comment = step.comment,
                              .empty_layer = !step.vertex.has_value()});
  }
  balance(config.history, origins(graph, results), results);
  if (created.empty()) created = last_of_base;
  config.created = created;
  for (std::size_t i = 0; i < config.history.size(); ++i)
    if (config.history[i].created.empty() || (epoch && i >= steps_of_base))
      config.history[i].created = created;
  return config;
}

}  // namespace pgstrata::cli
