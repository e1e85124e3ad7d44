// What became of one vertex.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cache/index.h"
#include "filetree/observation.h"
#include "oci/digest.h"

namespace pgstrata::solver {

/// Files with times from `from` to `to` were made by a step that was reused later: who asks now is shown
/// times that lie `by` later, as if the step had run when it was reused. Nanoseconds.
struct TimeShift {
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::int64_t by = 0;
};

/// The layers under and of a vertex, bottom first, named by their change sets: two checkouts and two
/// machines that make the same files have the same chain id.
struct Chain {
  std::vector<cache::LayerRow> layers;
  std::vector<std::vector<TimeShift>> shifts;  ///< of each layer, or shorter: the rest has none
  oci::Digest id;                              ///< none for an empty chain

  [[nodiscard]] Chain with(const cache::LayerRow& layer, std::vector<TimeShift> shift = {}) const {
    Chain longer = *this;
    if (!shift.empty()) {
      longer.shifts.resize(layers.size());
      longer.shifts.push_back(std::move(shift));
    }
    longer.layers.push_back(layer);
    longer.id =
        oci::KeyHasher("pgstrata.chain.v1").add("below", id).add("layer", layer.change_set).finish();
    return longer;
  }
};

/// The words are those of --metadata-file.
enum class Status { kRan, kHit, kRebased, kCutOff };

/// An answer that is no longer the one that a recorded run got: why it couldn't be reused.
struct Falsified {
  std::string path;
  std::string mount;  ///< target of the bind mount that was asked; empty: the root file system
  filetree::Questions questions = 0;
  std::string before;  ///< what there was, in words
  std::string after;
};

struct VertexResult {
  Chain chain;
  Status status = Status::kRan;
  std::string reason;                    ///< why it was reused or had to run, for a person
  double seconds = 0;                    ///< wall-clock time of this build
  std::int64_t created_ns = 0;           ///< when the layer was made, also if that was an earlier build
  std::optional<cache::LayerRow> layer;  ///< none for a SourceOp
  std::optional<Falsified> falsified;    ///< of a RUN whose recorded runs asked something else
};

}  // namespace pgstrata::solver
