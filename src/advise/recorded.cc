#include "advise/recorded.h"

#include <fmt/format.h>

#include <algorithm>

namespace pgstrata::advise {
namespace {

/// When a step ran: the newest build in which a step of these words did.
double seconds_of(const std::string& instruction, const std::vector<history::Build>& builds) {
  for (const history::Build& build : builds)
    for (const history::Step& step : build.steps)
      if (step.instruction == instruction && step.seconds > 0 &&
          (step.status == history::Status::kRan || step.status == history::Status::kCutOff))
        return step.seconds;
  return 0;
}

/// The stored run that gave the step's layer, the one on this build's own layers if there are several.
Result<void> add_run(const history::Step& step, const std::vector<oci::Digest>& chain,
                     store::LayerStore& layers, RecordedStep& recorded) {
  const std::vector<cache::RecordedRun> runs = TRY(layers.index().runs(step.run->op));
  std::vector<const cache::RecordedRun*> candidates;
  for (const cache::RecordedRun& run : runs)
    if (run.layer.diff_id == recorded.layer.diff_id) candidates.push_back(&run);
  std::stable_partition(candidates.begin(), candidates.end(),
                        [&chain](const cache::RecordedRun* run) { return run->chain == chain; });
  for (const cache::RecordedRun* run : candidates) {
    auto rows = TRY(layers.rows(run->chain));
    if (!rows) continue;
    const cache::Asked asked = TRY(layers.index().asked(run->id));
    recorded.asked = TRY(cache::ReadSet::decode(asked.root));
    recorded.chain = std::move(*rows);
    recorded.seconds = run->seconds;
    return {};
  }
  return {};
}

}  // namespace

bool is_of(const history::Build& build, const graph::BuildGraph& graph) {
  std::size_t count = 0;
  for (const history::Step& step : build.steps) {
    if (!step.vertex) continue;
    if (*step.vertex >= graph.vertices.size()) return false;
    const graph::Vertex& vertex = graph.vertices[*step.vertex];
    if (step.line != vertex.location.line || step.instruction != vertex.instruction) return false;
    ++count;
  }
  return count == graph.vertices.size();
}

Result<RecordedSteps> recorded_steps(const history::Build& build, const std::vector<history::Build>& builds,
                                     store::LayerStore& layers) {
  RecordedSteps steps;
  for (const history::Step& step : build.steps) {
    if (!step.vertex || !step.layer) continue;
    RecordedStep recorded;
    const auto row = TRY(layers.index().layer(step.layer->diff_id));
    if (!row || !layers.is_present(*row))
      return fail({.kind = ErrorKind::kNotFound,
                   .what = fmt::format("the layer of {} is no longer in the store", step.instruction)});
    recorded.layer = *row;
    const auto chain = build.chain_below(step);
    if (step.run && chain) TRY_VOID(add_run(step, *chain, layers, recorded));
    if (recorded.seconds == 0) recorded.seconds = seconds_of(step.instruction, builds);
    steps[*step.vertex] = std::move(recorded);
  }
  return steps;
}

}  // namespace pgstrata::advise
