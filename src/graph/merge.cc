#include "graph/merge.h"

#include <map>
#include <numeric>
#include <tuple>

#include "graph/definition.h"
#include "oci/digest.h"

namespace pgstrata::graph {
namespace {

void move_input(Input& input, const std::vector<VertexId>& places) {
  auto* from = std::get_if<VertexInput>(&input);
  if (from != nullptr && from->vertex) from->vertex = places[*from->vertex];
}

/// The vertices that an op names get the numbers that they have in the merged graph.
struct MoveInputs {
  const std::vector<VertexId>& places;

  void operator()(SourceOp&) const {}
  void operator()(ExecOp& exec) const {
    for (ExecMount& mount : exec.mounts) {
      if (auto* bind = std::get_if<BindMount>(&mount)) move_input(bind->from, places);
      if (auto* cache = std::get_if<CacheMount>(&mount); cache != nullptr && cache->from)
        move_input(*cache->from, places);
    }
  }
  void operator()(FileOp& file) const {
    if (auto* copy = std::get_if<CopyAction>(&file.action)) move_input(copy->from, places);
  }
};

/// By which a step is known again. The inputs stand in it besides the definition, which knows their places.
using Identity =
    std::tuple<oci::Digest, std::optional<VertexId>, std::vector<VertexId>, std::size_t, std::string>;

Identity identity_of(const Vertex& vertex) {
  const bool runs = std::holds_alternative<ExecOp>(vertex.op);
  return {definition_digest(vertex.op), vertex.parent, inputs(vertex.op),
          static_cast<std::size_t>(vertex.location.line), runs ? vertex.platform.str() : ""};
}

class Merging {
 public:
  void add(const BuildGraph& graph) {
    std::vector<VertexId> places;
    std::map<Identity, VertexId> added;
    for (Vertex vertex : graph.vertices) {
      if (vertex.parent) vertex.parent = places[*vertex.parent];
      std::visit(MoveInputs{places}, vertex.op);
      Identity identity = identity_of(vertex);
      if (const auto found = known_.find(identity); found != known_.end()) {
        places.push_back(found->second);
        continue;
      }
      places.push_back(merged_.graph.vertices.size());
      added.emplace(std::move(identity), places.back());
      merged_.graph.vertices.push_back(std::move(vertex));
    }
    // Not before: what is there twice in one build stays there twice.
    known_.merge(added);
    const auto& root = graph.target.root;
    merged_.roots.push_back(root ? std::optional(places[*root]) : std::nullopt);
    merged_.places.push_back(std::move(places));
  }

  MergedGraph finish(const StageResult& target) && {
    merged_.graph.target = target;
    merged_.graph.target.root = merged_.roots.front();
    for (HistoryStep& step : merged_.graph.target.history)
      if (step.vertex) step.vertex = merged_.places.front()[*step.vertex];
    return std::move(merged_);
  }

 private:
  MergedGraph merged_;
  std::map<Identity, VertexId> known_;
};

}  // namespace

MergedGraph merge(const std::vector<BuildGraph>& graphs) {
  // The usual case, without the digests of all steps.
  if (graphs.size() == 1) {
    std::vector<VertexId> places(graphs.front().vertices.size());
    std::iota(places.begin(), places.end(), VertexId{0});
    return {.graph = graphs.front(), .places = {std::move(places)}, .roots = {graphs.front().target.root}};
  }
  Merging merging;
  for (const BuildGraph& graph : graphs) merging.add(graph);
  return std::move(merging).finish(graphs.front().target);
}

}  // namespace pgstrata::graph
