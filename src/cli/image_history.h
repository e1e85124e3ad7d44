// The configuration of a built image: that of the target stage, with the history of its layers and its
// times.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "graph/op.h"
#include "oci/image_config.h"
#include "solver/vertex_result.h"

namespace pgstrata::cli {

/// As BuildKit's exporter (exporter/containerimage/writer.go, normalizeLayersAndHistory) completes it:
/// layers that a base image has no history for get an entry each at the end, and of a base's entries that
/// claim more layers than there are the last ones become empty. `epoch` is SOURCE_DATE_EPOCH, in seconds.
[[nodiscard]] oci::ImageConfig finished_config(const graph::BuildGraph& graph,
                                               const std::vector<solver::VertexResult>& results,
                                               std::optional<std::int64_t> epoch);

}  // namespace pgstrata::cli
