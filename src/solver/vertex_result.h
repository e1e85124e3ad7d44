// What became of one vertex.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cache/index.h"
#include "oci/digest.h"

namespace pgstrata::solver {

/// The layers under and of a vertex, bottom first, named by their change sets: two checkouts and two
/// machines that make the same files have the same chain id.
struct Chain {
  std::vector<cache::LayerRow> layers;
  oci::Digest id;  ///< none for an empty chain

  [[nodiscard]] Chain with(const cache::LayerRow& layer) const {
    Chain longer = *this;
    longer.layers.push_back(layer);
    longer.id =
        oci::KeyHasher("pgstrata.chain.v1").add("below", id).add("layer", layer.change_set).finish();
    return longer;
  }
};

/// The words are those of --metadata-file.
enum class Status { kRan, kHit, kCutOff };

struct VertexResult {
  Chain chain;
  Status status = Status::kRan;
  std::string reason;                    ///< why it was reused or had to run, for a person
  double seconds = 0;                    ///< wall-clock time of this build
  std::int64_t created_ns = 0;           ///< when the layer was made, also if that was an earlier build
  std::optional<cache::LayerRow> layer;  ///< none for a SourceOp
};

}  // namespace pgstrata::solver
