#include "advise/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "advise/judge.h"
#include "advise/line_diff.h"
#include "advise/model_of.h"

namespace pgstrata::advise {
namespace {

using graph::VertexId;

/// True if .dockerignore leaves the file out of the context.
bool is_ignored(const context::IgnorePatterns& ignore, const std::string& path) {
  const auto scope = ignore.scope_of(filetree::parent_path(path));
  return !scope || ignore.ignores(path, *scope);
}

/// Edits of files that a build sees; without a history, of all that it sees now.
Result<Edits> edits_of(const AdviceInputs& inputs) {
  Edits edits = inputs.edits;
  if (edits.no_history.empty()) {
    for (Edit& edit : edits.edits)
      std::erase_if(edit.paths, [&](const std::string& path) { return is_ignored(inputs.ignore, path); });
    std::erase_if(edits.edits, [](const Edit& edit) { return edit.paths.empty(); });
    if (!edits.edits.empty()) return edits;
    edits.no_history = fmt::format("no commit since {} touched a file of the context", edits.since);
  }
  const auto context = inputs.contexts.find("");
  std::vector<std::string> files;
  if (context != inputs.contexts.end())
    for (const filetree::Entry& entry : TRY(context->second->walk("")))
      if (entry.type != filetree::EntryType::kDirectory) files.push_back(entry.path);
  return equal_edits(std::move(files), edits.no_history);
}

/// The newest build of the graph that was finished.
Result<const history::Build*> build_of(const AdviceInputs& inputs, const graph::BuildGraph& graph) {
  for (const history::Build& build : inputs.builds)
    if (build.outcome == history::Outcome::kBuilt && is_of(build, graph)) return &build;
  return fail({.kind = ErrorKind::kUsage,
               .what = inputs.builds.empty() ? "no build of the context is recorded"
                                             : "no recorded build is of this Dockerfile as it is now",
               .next = "run pgstrata build of the context first"});
}

class Report {
 public:
  Report(const AdviceInputs& inputs, const Proposal& proposal) : inputs_(inputs), proposal_(proposal) {}

  std::vector<Change> changes() const {
    std::vector<Change> changes;
    std::set<InstructionId> told;
    const Layout& layout = proposal_.layout;
    for (std::size_t i = 0; i < layout.size(); ++i) {
      const InstructionId id = layout[i].instruction;
      if (layout[i].place == Place::kKept && layout[i].lines.empty()) continue;
      if (!told.insert(id).second) continue;
      changes.push_back({line(id), text(id), what(i)});
    }
    std::sort(changes.begin(), changes.end(),
              [](const Change& a, const Change& b) { return a.line < b.line; });
    return changes;
  }

  std::vector<Kept> kept() const {
    std::vector<Kept> kept;
    std::set<std::pair<InstructionId, std::string>> told;
    for (const Stuck& stuck : proposal_.stuck) {
      const Obstacle& obstacle = stuck.obstacle;
      std::string why = obstacle.reason;
      if (obstacle.step && *obstacle.step != stuck.moving)
        why = fmt::format("it can't come below line {}: in another order {}", line(*obstacle.step), why);
      if (!told.emplace(stuck.moving, why).second) continue;
      kept.push_back({line(stuck.moving), text(stuck.moving), std::move(why)});
    }
    return kept;
  }

 private:
  [[nodiscard]] int line(InstructionId id) const { return inputs_.dockerfile.instructions[id].range.line; }
  [[nodiscard]] const std::string& text(InstructionId id) const {
    return inputs_.dockerfile.instructions[id].text;
  }

  /// The first original instruction from `at` in the direction of `step`.
  [[nodiscard]] int neighbour(std::size_t at, std::ptrdiff_t step) const {
    const Layout& layout = proposal_.layout;
    for (auto i = static_cast<std::ptrdiff_t>(at); i >= 0 && i < static_cast<std::ptrdiff_t>(layout.size());
         i += step) {
      const Item& item = layout[static_cast<std::size_t>(i)];
      if (item.place == Place::kKept && item.lines.empty()) return line(item.instruction);
    }
    return 0;
  }

  [[nodiscard]] std::string what(std::size_t first) const {
    const Layout& layout = proposal_.layout;
    const InstructionId id = layout[first].instruction;
    std::vector<int> parts;
    std::string rest;
    for (std::size_t i = first; i < layout.size(); ++i) {
      const Item& item = layout[i];
      if (item.instruction != id) continue;
      const bool after = item.place == Place::kAfter;
      if (!item.lines.empty() && !item.comments)
        parts.push_back(neighbour(i, 1));
      else if (item.place == Place::kKept)
        rest = "the rest stays";
      else
        rest = after ? fmt::format("below line {}", neighbour(i, -1))
                     : fmt::format("above line {}", neighbour(i, 1));
    }
    if (parts.empty()) return "goes " + rest;
    return fmt::format("is split: what line {} needs goes above {}, the rest {}", fmt::join(parts, ", "),
                       parts.size() == 1 ? "it" : "each of them",
                       rest.starts_with("the") ? "stays" : "goes " + rest);
  }

  const AdviceInputs& inputs_;
  const Proposal& proposal_;
};

std::size_t count_files(const Copied& copied, const Paths& paths) {
  return static_cast<std::size_t>(
      std::count_if(copied.files.begin(), copied.files.end(),
                    [&](const CopiedFile& file) { return !file.directory && paths.contains(file.path); }));
}

/// Of the COPYs of its stage that come before it.
std::vector<Need> needs_of(const Model& model, const dockerfile::Dockerfile& dockerfile,
                           InstructionId run) {
  std::vector<Need> needs;
  const auto& asked = model.runs.at(run).asked;
  for (const auto& stage : model.stages) {
    if (!asked || std::find(stage.begin(), stage.end(), run) == stage.end()) continue;
    for (const InstructionId id : stage) {
      const auto copied = model.copies.find(id);
      if (copied == model.copies.end() || id > run) continue;
      const Paths paths = closure(copied->second, needed(copied->second, *asked));
      if (paths.empty()) continue;
      needs.push_back({.line = dockerfile.instructions[id].range.line,
                       .files = count_files(copied->second, paths),
                       .of = count_files(copied->second, copied->second.all()),
                       .example = example_of_need(copied->second, *asked)});
    }
  }
  return needs;
}

std::vector<RunRate> run_rates(const Planned& built, const Planned& proposed, const RecordedSteps& recorded,
                               CostModel& costs) {
  const auto originals = proposed.originals(built);
  const std::vector<Step> steps = cost_steps(built.graph, recorded, built.originals(built));
  const std::vector<double> before = costs.rebuilds(steps);
  const std::vector<double> after = costs.rebuilds(cost_steps(proposed.graph, recorded, originals));
  std::vector<RunRate> runs;
  for (VertexId id = 0; id < built.graph.vertices.size(); ++id) {
    const graph::Vertex& vertex = built.graph.vertices[id];
    if (!std::holds_alternative<graph::ExecOp>(vertex.op)) continue;
    RunRate run{.line = vertex.location.line,
                .instruction = vertex.instruction,
                .seconds = steps[id].seconds,
                .before = before[id]};
    for (VertexId other = 0; other < originals.size(); ++other)
      if (originals[other] == id) run.after = after[other];
    runs.push_back(std::move(run));
  }
  return runs;
}

/// Why each RUN is where it is.
void add_needs(const Model& model, const dockerfile::Dockerfile& dockerfile, std::vector<RunRate>& rates) {
  for (const auto& [id, run] : model.runs)
    for (RunRate& rate : rates) {
      if (rate.line != dockerfile.instructions[id].range.line) continue;
      rate.recorded = run.asked.has_value();
      rate.needs = needs_of(model, dockerfile, id);
    }
}

}  // namespace

Result<Advice> advise(const AdviceInputs& inputs) {
  const Layout original = original_layout(inputs.dockerfile);
  const Planned built = TRY(plan(inputs.dockerfile, original, inputs.request, inputs.bases));
  const history::Build* build = TRY(build_of(inputs, built.graph));
  const RecordedSteps recorded = TRY(recorded_steps(*build, inputs.builds, inputs.layers));
  Rehearsal rehearsal({.contexts = inputs.contexts,
                       .layer = [&](const cache::LayerRow& row) { return inputs.layers.layer_view(row); },
                       .base = [&](const graph::SourceOp& op) -> Result<std::vector<cache::LayerRow>> {
                         const solver::Base* base = TRY(inputs.bases.resolve(op.reference, op.platform));
                         return base->chain.layers;
                       },
                       .spool_directory = inputs.layers.content().root() + "/tmp"});
  Proof proof = TRY(Proof::begin(rehearsal, built.graph, recorded));
  const Model model = TRY(model_of(inputs.dockerfile, built, proof, recorded));
  Edits edits = TRY(edits_of(inputs));
  Advice advice{.build = build->id, .unrecorded = build->unrecorded, .edits = std::move(edits)};
  CostModel costs(advice.edits.edits);
  DockerfileJudge judge({.dockerfile = inputs.dockerfile,
                         .request = inputs.request,
                         .bases = inputs.bases,
                         .built = built,
                         .recorded = recorded,
                         .proof = proof,
                         .costs = costs});
  const Proposal proposal = TRY(search(model, original, judge));
  advice.before = proposal.before;
  advice.after = proposal.after;
  const Report report(inputs, proposal);
  advice.changes = report.changes();
  advice.kept = report.kept();
  const Planned proposed = TRY(plan(inputs.dockerfile, proposal.layout, inputs.request, inputs.bases));
  // What is printed is what was proven, and its figures are those of its own proof.
  if (auto obstacle = TRY(judge.prove(proposal.layout)))
    return fail({.kind = ErrorKind::kCorrupt,
                 .what = "the proposal isn't proven after all",
                 .why = obstacle->reason,
                 .next = "please report this with the Dockerfile"});
  advice.questions = proof.questions();
  advice.runs = run_rates(built, proposed, recorded, costs);
  add_needs(model, inputs.dockerfile, advice.runs);
  // A byte order mark is no part of what was parsed, and stays.
  const std::size_t mark = inputs.text.size() - inputs.dockerfile.source.text().size();
  advice.text = std::string(inputs.text.substr(0, mark)) + proposed.rendered.text;
  advice.diff = unified_diff(inputs.text, advice.text, inputs.name);
  return advice;
}

}  // namespace pgstrata::advise
