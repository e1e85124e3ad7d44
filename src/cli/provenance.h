// What provenance says about a build (attest/provenance.h), collected from its parts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "attest/provenance.h"
#include "cli/attest_options.h"
#include "cli/contexts.h"
#include "core/result.h"
#include "graph/from_dockerfile.h"
#include "graph/op.h"
#include "remote/fetcher.h"
#include "solver/bases.h"
#include "solver/vertex_result.h"

namespace pgstrata::cli {

/// A build that is done but for its attestations; everything is borrowed.
struct BuiltParts {
  const graph::BuildRequest& request;
  const std::map<std::string, std::string>& image_contexts;  ///< --build-context NAME → image
  const ContextRequest& context_request;
  const Contexts& contexts;
  const graph::BuildGraph& graph;
  const std::vector<solver::VertexResult>& results;
  solver::Bases& bases;
  remote::Fetcher& fetcher;
  std::optional<std::int64_t> epoch;  ///< SOURCE_DATE_EPOCH: stands in the place of both times
  std::int64_t began = 0;             ///< ns since the epoch
  std::int64_t ended = 0;
  std::string build_id;  ///< by which `pgstrata explain` knows it; not said with an epoch
  std::string version;   ///< of pgstrata
};

/// What bases and remote sources are is asked of the caches of this build, which know it by now.
Result<attest::Provenance> provenance_of(const BuiltParts& parts, const ProvenanceRequest& request);

}  // namespace pgstrata::cli
