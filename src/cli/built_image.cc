#include "cli/built_image.h"

#include "cli/image_history.h"
#include "image/image.h"

namespace pgstrata::cli {

Result<oci::Descriptor> write_image(const content::ContentStore& content, std::optional<std::int64_t> epoch,
                                    const std::map<std::string, std::string>& annotations,
                                    const graph::BuildGraph& graph,
                                    const std::vector<solver::VertexResult>& results) {
  std::vector<image::LayerBlob> layers;
  if (graph.target.root)
    for (const cache::LayerRow& layer : results[*graph.target.root].chain.layers)
      layers.push_back({layer.diff_id, layer.size});
  return image::write(content, finished_config(graph, results, epoch), layers, annotations);
}

}  // namespace pgstrata::cli
