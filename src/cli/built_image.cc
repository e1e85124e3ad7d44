#include "cli/built_image.h"

#include "attest/sbom.h"
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

Result<attest::Predicate> sbom_of(const Store& store, const oci::Descriptor& manifest,
                                  const std::vector<cache::LayerRow>& chain, const std::string& name) {
  const image::Image image = TRY(image::load(*store.content, manifest));
  const auto root = TRY(store.layers->view(chain, name));
  std::string created = image.config.created;
  if (created.empty()) created = oci::format_time(0);
  std::string json = TRY(attest::sbom_json(*root, {.name = name,
                                                   .version = image.manifest.config.digest.str(),
                                                   .created = created,
                                                   .tool = "pgstrata-" PGSTRATA_VERSION}));
  return attest::Predicate{.type = std::string(attest::predicate_type::kSpdx), .json = std::move(json)};
}

}  // namespace pgstrata::cli
