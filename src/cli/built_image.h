// The image that a build makes: the configuration of its target stage with its history, and the layers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "content/content_store.h"
#include "graph/op.h"
#include "oci/manifest.h"
#include "solver/vertex_result.h"

namespace pgstrata::cli {

/// Writes configuration and manifest; the manifest's descriptor. `epoch` is SOURCE_DATE_EPOCH.
Result<oci::Descriptor> write_image(const content::ContentStore& content, std::optional<std::int64_t> epoch,
                                    const std::map<std::string, std::string>& annotations,
                                    const graph::BuildGraph& graph,
                                    const std::vector<solver::VertexResult>& results);

}  // namespace pgstrata::cli
