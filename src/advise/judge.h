// The judge of a real Dockerfile: costs by its build graph, proofs by rehearsal.
#pragma once

#include "advise/planned.h"
#include "advise/proof.h"
#include "advise/search.h"

namespace pgstrata::advise {

/// All is borrowed.
struct Judged {
  const dockerfile::Dockerfile& dockerfile;
  const graph::BuildRequest& request;
  graph::BaseResolver& bases;
  const Planned& built;
  const RecordedSteps& recorded;
  Proof& proof;
  CostModel& costs;
};

class DockerfileJudge final : public Judge {
 public:
  explicit DockerfileJudge(const Judged& judged) : judged_(judged) {}

  Result<double> cost(const Layout& layout) override;
  /// A layout that is no Dockerfile any more isn't proven either.
  Result<std::optional<Obstacle>> prove(const Layout& layout) override;

 private:
  Result<Planned> plan_layout(const Layout& layout);

  const Judged judged_;
};

}  // namespace pgstrata::advise
