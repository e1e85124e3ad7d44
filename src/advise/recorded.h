// What a recorded build tells about its steps: the layer of each, how long its RUNs took, and what they
// asked.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cache/read_set.h"
#include "context/build_context.h"
#include "core/result.h"
#include "graph/op.h"
#include "history/build_record.h"
#include "store/layer_store.h"

namespace pgstrata::advise {

struct RecordedStep {
  cache::LayerRow layer;
  double seconds = 0;                   ///< of a RUN, when it really ran
  std::optional<cache::ReadSet> asked;  ///< of a RUN
  std::vector<cache::LayerRow> chain;   ///< the layers that it asked
};
/// By vertex: all but images.
using RecordedSteps = std::map<graph::VertexId, RecordedStep>;

/// True if the build was one of this graph: the same instructions at the same lines.
[[nodiscard]] bool is_of(const history::Build& build, const graph::BuildGraph& graph);

/// `builds` (newest first) may know how long a RUN took that `build` has reused. kNotFound if a layer is no
/// longer in the store.
Result<RecordedSteps> recorded_steps(const history::Build& build, const std::vector<history::Build>& builds,
                                     store::LayerStore& layers);

}  // namespace pgstrata::advise
