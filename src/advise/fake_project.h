// A Dockerfile, its context and what its RUNs did, in memory: a build that was recorded without being made.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "advise/judge.h"
#include "advise/model_of.h"
#include "filetree/fake_file_tree.h"
#include "graph/fake_plan.h"
#include "snapshot/test_support.h"

namespace pgstrata::advise {

/// What a RUN asked and left, and how long it took.
struct FakeRun {
  filetree::Observations asked;  ///< sorted by path
  filetree::ChangeSet writes;    ///< with all parents
  double seconds = 10;
  bool recorded = true;
};

class FakeProject {
 public:
  filetree::FakeFileTree context;
  std::map<std::string, FakeRun> runs;  ///< by the instruction
  std::vector<Edit> edits;
  graph::FakePlan planner;

  /// The proposal, as a Dockerfile.
  std::string propose(const std::string& text) {
    const Parts parts(*this, text);
    DockerfileJudge judge(parts.judged());
    auto found = search(parts.model, parts.original, judge);
    EXPECT_TRUE(found.has_value()) << found.error().message();
    if (!found) return "";
    proposal = std::move(*found);
    return render(parts.dockerfile, proposal.layout).text;
  }
  /// Why another order isn't proven; "" if it is. An order is given by the numbers of instructions.
  std::string refusal(const std::string& text, const std::vector<InstructionId>& order) {
    const Parts parts(*this, text);
    DockerfileJudge judge(parts.judged());
    Layout layout;
    for (const InstructionId id : order) layout.push_back({.instruction = id});
    auto obstacle = judge.prove(layout);
    EXPECT_TRUE(obstacle.has_value()) << obstacle.error().message();
    return obstacle && *obstacle ? (*obstacle)->reason : "";
  }

  Proposal proposal;

 private:
  /// Everything for one Dockerfile, in the order in which it is made.
  struct Parts {
    Parts(FakeProject& owner, const std::string& text)
        : project(owner),
          dockerfile(*dockerfile::parse(text, "Dockerfile")),
          original(original_layout(dockerfile)),
          built(*plan(dockerfile, original, project.planner.request, project.planner.resolver)),
          rehearsal(project.materials()),
          recorded(project.record(built.graph, rehearsal)),
          proof(*Proof::begin(rehearsal, built.graph, recorded)),
          model(*model_of(dockerfile, built, proof, recorded)),
          costs(project.edits) {}

    Judged judged() const {
      return {dockerfile, project.planner.request, project.planner.resolver, built, recorded, proof, costs};
    }

    FakeProject& project;
    dockerfile::Dockerfile dockerfile;
    Layout original;
    Planned built;
    Rehearsal rehearsal;
    RecordedSteps recorded;
    mutable Proof proof;
    Model model;
    mutable CostModel costs;
  };

  static cache::LayerRow row(std::size_t number, const oci::Digest& change_set) {
    return {.diff_id = oci::sha256("layer " + std::to_string(number)), .change_set = change_set};
  }
  cache::LayerRow keep(LayerPtr layer) {
    const cache::LayerRow named_row = row(kept_.size(), layer->change_set);
    kept_[named_row.diff_id] = std::move(layer);
    return named_row;
  }

  Materials materials() {
    return {.contexts = {{"", &context}},
            .layer = [this](const cache::LayerRow& wanted) -> Result<snapshot::LayerView> {
              return kept_.at(wanted.diff_id)->view;
            },
            .base = [this](const graph::SourceOp&) -> Result<std::vector<cache::LayerRow>> {
              return std::vector{base_row()};
            }};
  }

  cache::LayerRow base_row() {
    if (!base_layer_) base_layer_ = keep(layer_of(base_));
    return *base_layer_;
  }

  static LayerPtr layer_of(const filetree::ChangeSet& changes) {
    auto layer = std::make_shared<Layer>();
    layer->change_set = filetree::change_set_digest(changes);
    layer->own = std::make_unique<snapshot::ChangeSetFile>(
        *snapshot::ChangeSetFile::from_bytes(*snapshot::serialise(changes), "layer"));
    layer->view = {.changes = layer->own.get(), .open = {}};
    return layer;
  }

  RecordedSteps record(const graph::BuildGraph& graph, Rehearsal& rehearsal) {
    const auto layer_of_run = [&](graph::VertexId id,
                                  const std::vector<Chain>&) -> Result<std::variant<LayerPtr, Refusal>> {
      const auto run = runs.find(graph.vertices[id].instruction);
      if (run == runs.end()) return Refusal{.vertex = id, .path = "", .reason = "no such fake RUN"};
      filetree::ChangeSet writes = run->second.writes;
      filetree::sort(writes);
      return layer_of(writes);
    };
    const auto rehearsed = rehearsal.run(graph, layer_of_run);
    EXPECT_TRUE(rehearsed.has_value()) << rehearsed.error().message();
    const auto* chains = std::get_if<std::vector<Chain>>(&*rehearsed);
    EXPECT_NE(chains, nullptr) << std::get<Refusal>(*rehearsed).reason;
    RecordedSteps steps;
    std::map<const Layer*, cache::LayerRow> rows;
    for (graph::VertexId id = 0; id < graph.vertices.size(); ++id) {
      RecordedStep step;
      for (const LayerPtr& layer : (*chains)[id]) {
        if (!rows.contains(layer.get())) rows[layer.get()] = keep(layer);
        step.chain.push_back(rows[layer.get()]);
      }
      if (std::holds_alternative<graph::SourceOp>(graph.vertices[id].op)) continue;
      step.layer = step.chain.back();
      step.chain.pop_back();
      if (const auto run = runs.find(graph.vertices[id].instruction); run != runs.end()) {
        step.seconds = run->second.seconds;
        if (run->second.recorded)
          step.asked = *cache::ReadSet::decode(cache::encode_read_set(run->second.asked));
      }
      steps[id] = std::move(step);
    }
    return steps;
  }

  filetree::ChangeSet base_ = {
      snapshot::testing::directory_entry(""), snapshot::testing::directory_entry("etc"),
      snapshot::testing::directory_entry("opt"), snapshot::testing::directory_entry("usr")};
  std::optional<cache::LayerRow> base_layer_;
  std::map<oci::Digest, LayerPtr> kept_;
};

}  // namespace pgstrata::advise
