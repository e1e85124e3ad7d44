// The image that a build makes: the configuration of its target stage with its history, and the layers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "attest/attestation.h"
#include "cli/store.h"
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

/// Its SBOM (attest/sbom.h); `name` is what people call it.
Result<attest::Predicate> sbom_of(const Store& store, const oci::Descriptor& manifest,
                                  const std::vector<cache::LayerRow>& chain, const std::string& name);

}  // namespace pgstrata::cli
