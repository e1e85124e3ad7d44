#include "advise/planned.h"

#include <algorithm>
#include <map>

namespace pgstrata::advise {
namespace {

using graph::VertexId;

bool is_main_context(const graph::Input& input) {
  const auto* local = std::get_if<graph::LocalInput>(&input);
  return local != nullptr && local->context.empty();
}

/// What an op takes from the main context.
Selection selection_of(const graph::Op& op) {
  Selection files;
  if (const auto* file = std::get_if<graph::FileOp>(&op)) {
    const auto* copy = std::get_if<graph::CopyAction>(&file->action);
    if (copy != nullptr && is_main_context(copy->from)) files = copy->sources;
  } else if (const auto* exec = std::get_if<graph::ExecOp>(&op)) {
    for (const graph::ExecMount& mount : exec->mounts) {
      const auto* bind = std::get_if<graph::BindMount>(&mount);
      if (bind != nullptr && is_main_context(bind->from)) files.push_back(bind->source);
      const auto* cache = std::get_if<graph::CacheMount>(&mount);
      if (cache != nullptr && cache->from && is_main_context(*cache->from)) files.push_back(cache->source);
    }
  }
  return files;
}

}  // namespace

std::vector<std::optional<VertexId>> Planned::originals(const Planned& original) const {
  // An image that COPY --from names is a vertex of the first instruction that does so, and ONBUILD gives a
  // FROM several: they come in the same order each time.
  using Name = std::pair<InstructionId, std::size_t>;
  const auto name_of = [](const Planned& planned, VertexId id) {
    return Name(planned.instructions[id], planned.graph.vertices[id].op.index());
  };
  std::map<Name, std::vector<VertexId>> by_name;
  for (VertexId id = 0; id < original.instructions.size(); ++id)
    by_name[name_of(original, id)].push_back(id);
  std::map<Name, std::size_t> used;
  std::vector<std::optional<VertexId>> found;
  for (VertexId id = 0; id < instructions.size(); ++id) {
    const Name name = name_of(*this, id);
    const std::vector<VertexId>& candidates = by_name[name];
    if (candidates.empty())
      found.emplace_back();
    else
      found.emplace_back(candidates[std::min(used[name]++, candidates.size() - 1)]);
  }
  return found;
}

Result<Planned> plan(const dockerfile::Dockerfile& dockerfile, const Layout& layout,
                     const graph::BuildRequest& request, graph::BaseResolver& bases) {
  Planned planned{.rendered = render(dockerfile, layout)};
  const dockerfile::Dockerfile parsed =
      TRY(dockerfile::parse(planned.rendered.text, dockerfile.source.file_name()));
  planned.graph = TRY(graph::build_graph(parsed, request, bases));
  for (const graph::Vertex& vertex : planned.graph.vertices) {
    auto item = planned.rendered.items.upper_bound(vertex.location.line);
    if (item != planned.rendered.items.begin()) --item;
    planned.instructions.push_back(layout[item->second].instruction);
  }
  return planned;
}

std::vector<Step> cost_steps(const graph::BuildGraph& graph, const RecordedSteps& recorded,
                             const std::vector<std::optional<VertexId>>& originals) {
  std::vector<Step> steps;
  for (VertexId id = 0; id < graph.vertices.size(); ++id) {
    const graph::Vertex& vertex = graph.vertices[id];
    Step step{.on = graph::inputs(vertex.op), .files = selection_of(vertex.op)};
    if (vertex.parent) step.on.push_back(*vertex.parent);
    if (std::holds_alternative<graph::FileOp>(vertex.op)) step.seconds = kFileStepSeconds;
    if (std::holds_alternative<graph::ExecOp>(vertex.op) && originals[id]) {
      const auto known = recorded.find(*originals[id]);
      if (known != recorded.end()) step.seconds = known->second.seconds;
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace pgstrata::advise
