#include "advise/judge.h"

namespace pgstrata::advise {

Result<Planned> DockerfileJudge::plan_layout(const Layout& layout) {
  return plan(judged_.dockerfile, layout, judged_.request, judged_.bases);
}

Result<double> DockerfileJudge::cost(const Layout& layout) {
  const Planned planned = TRY(plan_layout(layout));
  return judged_.costs.rebuild_seconds(
      cost_steps(planned.graph, judged_.recorded, planned.originals(judged_.built)));
}

Result<std::optional<Obstacle>> DockerfileJudge::prove(const Layout& layout) {
  const auto planned = plan_layout(layout);
  if (!planned) return Obstacle{.step = std::nullopt, .path = "", .reason = planned.error().message()};
  const auto originals = planned->originals(judged_.built);
  auto refusal =
      TRY(judged_.proof.check(planned->graph, [&](graph::VertexId id) { return originals[id]; }));
  if (!refusal) return std::nullopt;
  Obstacle obstacle{
      .step = std::nullopt, .path = std::move(refusal->path), .reason = std::move(refusal->reason)};
  if (refusal->vertex) obstacle.step = planned->instructions[*refusal->vertex];
  return obstacle;
}

}  // namespace pgstrata::advise
