// PlanObserver: watches a build being planned, stage by stage, in order. Build checks do (src/checks).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "graph/environment.h"
#include "graph/stages.h"
#include "oci/image_config.h"

namespace pgstrata::graph {

/// A stage before one of its instructions. References live as long as the call.
struct StageView {
  const StageList& stages;
  const Stage& stage;
  const Environment& env;          ///< ENV and ARG, with the base's
  const oci::ImageConfig& config;  ///< of the base, with what the stage did to it
  /// Declared by ARG so far, also in the stages that it is FROM.
  const std::vector<std::pair<std::string, std::string>>& args;
};

class PlanObserver {
 public:
  PlanObserver() = default;
  PlanObserver(const PlanObserver&) = delete;
  PlanObserver& operator=(const PlanObserver&) = delete;
  virtual ~PlanObserver() = default;

  virtual void stage_begins(const StageView& view) = 0;
  /// Called before the step has its effect, and also if it will be refused.
  virtual void step(const StageView& view, const Step& step) = 0;
};

}  // namespace pgstrata::graph
