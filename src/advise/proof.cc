#include "advise/proof.h"

#include <fmt/format.h>

#include <algorithm>

#include "graph/definition.h"
#include "snapshot/chain_difference.h"
#include "solver/recorded_runs.h"
#include "users/users.h"

namespace pgstrata::advise {
namespace {

using filetree::Questions;
using graph::VertexId;

/// Of the questions that differ, those that were asked; listings only if the names were read.
Questions asked_of(const cache::ReadSet& asked, const filetree::Observation& difference) {
  const Questions of_path = asked.asked_of(difference.path);
  auto both = static_cast<Questions>(of_path & difference.questions & filetree::kAskedAnything);
  if ((of_path & filetree::kAskedRead) == 0) both &= static_cast<Questions>(~filetree::kAskedListing);
  return both;
}

bool same_layers(const Chain& one, const Chain& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](const LayerPtr& a, const LayerPtr& b) { return a->change_set == b->change_set; });
}

bool same_identity(const users::Identity& one, const users::Identity& other) {
  return one.uid == other.uid && one.gid == other.gid && one.groups == other.groups &&
         one.home == other.home;
}

std::string described(const Chain& chain, const std::string& path) {
  const auto entry = view(chain)->lookup(path);
  return entry && !*entry ? "absent" : "";
}

Error build_again(std::string what, const graph::Vertex& vertex) {
  return {.kind = ErrorKind::kUsage,
          .what = std::move(what),
          .why = vertex.instruction,
          .next = "run pgstrata build of the context first"};
}

}  // namespace

const filetree::Observation* disturbing(const cache::ReadSet& asked,
                                        const filetree::Observations& differences) {
  const auto found = std::find_if(
      differences.begin(), differences.end(),
      [&asked](const filetree::Observation& difference) { return asked_of(asked, difference) != 0; });
  return found == differences.end() ? nullptr : &*found;
}

Result<Proof> Proof::begin(Rehearsal& rehearsal, const graph::BuildGraph& graph,
                           const RecordedSteps& steps) {
  Proof proof(rehearsal, graph, steps);
  const auto layer_then = [&](VertexId id,
                              const std::vector<Chain>&) -> Result<std::variant<LayerPtr, Refusal>> {
    const auto step = steps.find(id);
    if (step == steps.end()) return Refusal{.vertex = id, .path = "", .reason = "it wasn't built"};
    return TRY(rehearsal.stored(step->second.layer));
  };
  auto rehearsed = TRY(rehearsal.run(graph, layer_then));
  if (const auto* refusal = std::get_if<Refusal>(&rehearsed)) {
    Error error = build_again(refusal->reason, graph.vertices[*refusal->vertex]);
    return fail(std::move(error));
  }
  proof.chains_ = std::get<std::vector<Chain>>(std::move(rehearsed));
  for (VertexId id = 0; id < graph.vertices.size(); ++id) {
    const auto step = steps.find(id);
    if (step == steps.end() || proof.chains_[id].empty()) continue;
    if (proof.chains_[id].back()->change_set == step->second.layer.change_set) continue;
    return fail(build_again("the context has changed since it was built", graph.vertices[id]));
  }
  return proof;
}

Result<std::optional<Refusal>> Proof::check_answers(const RecordedStep& step, const Chain& below,
                                                    VertexId id) {
  Chain then;
  for (const cache::LayerRow& row : step.chain) then.push_back(TRY(rehearsal_.stored(row)));
  const auto differences = TRY(snapshot::chain_difference(named(then), named(below)));
  questions_ += step.asked->size();
  const filetree::Observation* found = disturbing(*step.asked, differences);
  if (found == nullptr) return std::nullopt;
  const solver::Falsified falsified{.path = found->path,
                                    .mount = "",
                                    .questions = asked_of(*step.asked, *found),
                                    .before = "",
                                    .after = described(below, found->path)};
  return Refusal{.vertex = id, .path = found->path, .reason = solver::in_words(falsified)};
}

Result<std::optional<Refusal>> Proof::check_run(const graph::Vertex& vertex, VertexId id, VertexId original,
                                                const std::vector<Chain>& done) {
  const graph::Vertex& before = graph_.vertices[original];
  const auto refuse = [id](std::string reason) {
    return Refusal{.vertex = id, .path = "", .reason = std::move(reason)};
  };
  if (graph::definition_digest(vertex.op) != graph::definition_digest(before.op))
    return refuse("it would run in another environment");
  const Chain& stage = below(vertex, done);
  const Chain& stage_before = below(before, chains_);
  const std::vector<VertexId> inputs = graph::inputs(vertex.op);
  const std::vector<VertexId> inputs_before = graph::inputs(before.op);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto differences =
        TRY(snapshot::chain_difference(named(chains_[inputs_before[i]]), named(done[inputs[i]])));
    if (!differences.empty()) return refuse("what is mounted into it would be another stage");
  }
  if (same_layers(stage, stage_before)) return std::nullopt;
  const auto step = steps_.find(original);
  if (step == steps_.end() || !step->second.asked) return refuse("what it asks for wasn't recorded");
  if (const auto* exec = std::get_if<graph::ExecOp>(&vertex.op)) {
    const auto user_before = TRY(users::resolve_identity(*view(stage_before), exec->user));
    const auto user = users::resolve_identity(*view(stage), exec->user);
    if (!user || !same_identity(*user, user_before)) return refuse("it would run as another user");
  }
  return check_answers(step->second, stage, id);
}

Result<std::variant<LayerPtr, Refusal>> Proof::layer_of(const graph::Vertex& vertex, VertexId id,
                                                        std::optional<VertexId> original,
                                                        const std::vector<Chain>& done) {
  const auto step = original ? steps_.find(*original) : steps_.end();
  if (step == steps_.end()) return Refusal{.vertex = id, .path = "", .reason = "it wasn't built"};
  if (is_remote(vertex)) {
    if (!same_layers(below(vertex, done), below(graph_.vertices[*original], chains_)))
      return Refusal{.vertex = id, .path = "", .reason = "what it would fetch isn't known"};
  } else if (auto refusal = TRY(check_run(vertex, id, *original, done))) {
    return std::move(*refusal);
  }
  return TRY(rehearsal_.stored(step->second.layer));
}

Result<std::optional<Refusal>> Proof::check(const graph::BuildGraph& graph, const Original& original) {
  questions_ = 0;
  auto rehearsed = TRY(rehearsal_.run(graph, [&](VertexId id, const std::vector<Chain>& done) {
    return layer_of(graph.vertices[id], id, original(id), done);
  }));
  if (auto* refusal = std::get_if<Refusal>(&rehearsed)) return std::move(*refusal);
  const auto& chains = std::get<std::vector<Chain>>(rehearsed);
  const auto image = [](const graph::BuildGraph& of, const std::vector<Chain>& all) {
    return of.target.root ? all[*of.target.root] : Chain{};
  };
  const Chain before = image(graph_, chains_);
  const Chain after = image(graph, chains);
  const auto differences = TRY(snapshot::chain_difference(named(before), named(after)));
  if (!differences.empty()) {
    // The directory's listing differs because of what is in it; that is the better example.
    const auto example = std::find_if(
        differences.begin(), differences.end(),
        [](const filetree::Observation& one) { return one.questions != filetree::kAskedListing; });
    const std::string& path = (example == differences.end() ? differences.begin() : example)->path;
    return Refusal{.vertex = std::nullopt,
                   .path = path,
                   .reason = fmt::format("/{} of the image would be another one", path)};
  }
  if (graph.target.config.config != graph_.target.config.config)
    return Refusal{
        .vertex = std::nullopt, .path = "", .reason = "the image would have another configuration"};
  return std::nullopt;
}

}  // namespace pgstrata::advise
