#include "cli/built_image.h"

#include "image/image.h"

namespace pgstrata::cli {

Result<oci::Descriptor> write_image(const content::ContentStore& content, std::optional<std::int64_t> epoch,
                                    const std::map<std::string, std::string>& annotations,
                                    const graph::BuildGraph& graph,
                                    const std::vector<solver::VertexResult>& results) {
  const graph::StageResult& stage = graph.target;
  oci::ImageConfig config = stage.config;
  // Without a layer of its own it is as old as its base, and without a base it has no time, as BuildKit
  // does it: that of the build would give another ID each time.
  std::string last_of_base;
  for (const oci::History& step : config.history)
    if (!step.created.empty()) last_of_base = step.created;
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
  if (created.empty()) created = last_of_base;
  config.created = created;
  for (oci::History& step : config.history)
    if (step.created.empty()) step.created = created;
  std::vector<image::LayerBlob> layers;
  if (stage.root)
    for (const cache::LayerRow& layer : results[*stage.root].chain.layers)
      layers.push_back({layer.diff_id, layer.size});
  return image::write(content, std::move(config), layers, annotations);
}

}  // namespace pgstrata::cli
