#include "advise/rehearsal.h"

#include <algorithm>

#include "graph/definition.h"

namespace pgstrata::advise {
namespace {

oci::Digest digest_of(const Chain& chain) {
  oci::KeyHasher key("pgstrata.rehearsal.v1");
  for (const LayerPtr& layer : chain) key.add("layer", layer->change_set);
  return key.finish();
}

const graph::CopyAction* copy_of(const graph::FileOp& op) {
  return std::get_if<graph::CopyAction>(&op.action);
}

/// As in the builder: --link knows nothing of the layers below.
bool is_linked(const graph::FileOp& op) {
  const auto* copy = copy_of(op);
  return copy != nullptr && copy->link && !copy->chmod;
}

Result<LayerPtr> make_layer(solver::CopyPlan plan, std::unique_ptr<snapshot::ChainView> stage,
                            std::unique_ptr<snapshot::ChainView> from) {
  auto layer = std::make_shared<Layer>();
  layer->plan = std::move(plan);
  layer->stage = std::move(stage);
  layer->from = std::move(from);
  layer->change_set = filetree::change_set_digest(layer->plan.entries);
  std::string bytes = TRY(snapshot::serialise(layer->plan.entries));
  layer->own = std::make_unique<snapshot::ChangeSetFile>(
      TRY(snapshot::ChangeSetFile::from_bytes(std::move(bytes), "a planned layer")));
  // The layer owns the plan that its view asks.
  const Layer* self = layer.get();
  layer->view = {.changes = layer->own.get(),
                 .open = [self](const filetree::Entry& entry) { return self->plan.open(entry); }};
  return layer;
}

}  // namespace

snapshot::NamedChain named(const Chain& chain) {
  snapshot::NamedChain layers;
  for (const LayerPtr& layer : chain)
    layers.push_back({.change_set = layer->change_set, .changes = layer->view.changes});
  return layers;
}

std::unique_ptr<snapshot::ChainView> view(const Chain& chain) {
  std::vector<snapshot::LayerView> layers;
  for (const LayerPtr& layer : chain) layers.push_back(layer->view);
  return std::make_unique<snapshot::ChainView>(std::move(layers), "the stage");
}

const Chain& below(const graph::Vertex& vertex, const std::vector<Chain>& done) {
  static const Chain kScratch;
  return vertex.parent ? done[*vertex.parent] : kScratch;
}

bool is_remote(const graph::Vertex& vertex) {
  const auto* file = std::get_if<graph::FileOp>(&vertex.op);
  const auto* copy = file != nullptr ? copy_of(*file) : nullptr;
  return copy != nullptr && !copy->remotes.empty();
}

Result<LayerPtr> Rehearsal::stored(const cache::LayerRow& row) {
  LayerPtr& known = stored_[row.diff_id];
  if (!known) {
    auto layer = std::make_shared<Layer>();
    layer->change_set = row.change_set;
    layer->view = TRY(materials_.layer(row));
    known = std::move(layer);
  }
  return known;
}

Result<Chain> Rehearsal::base(const graph::SourceOp& op) {
  Chain chain;
  const std::vector<cache::LayerRow> rows = TRY(materials_.base(op));
  for (const cache::LayerRow& row : rows) chain.push_back(TRY(stored(row)));
  return chain;
}

Result<LayerPtr> Rehearsal::planned(const graph::FileOp& op, const Chain& below,
                                    const std::vector<Chain>& done) {
  std::unique_ptr<snapshot::ChainView> stage = view(below);
  solver::CopyOptions options{.has_stage = !below.empty(), .spool_directory = materials_.spool_directory};
  const auto* copy = copy_of(op);
  if (copy == nullptr) {
    solver::CopyPlan plan =
        TRY(solver::plan_directory(std::get<graph::MakeDirectory>(op.action), *stage, options));
    return make_layer(std::move(plan), std::move(stage), nullptr);
  }
  const auto* local = std::get_if<graph::LocalInput>(&copy->from);
  options.from_context = local != nullptr;
  std::unique_ptr<snapshot::ChainView> other;
  const filetree::FileTree* source = nullptr;
  if (local != nullptr) {
    const auto context = materials_.contexts.find(local->context);
    if (context == materials_.contexts.end())
      return fail({.kind = ErrorKind::kUsage,
                   .what = "there is no build context \"" + local->context + "\"",
                   .next = "give the --build-context that the build was given"});
    source = context->second;
  } else {
    const auto& vertex = std::get<graph::VertexInput>(copy->from).vertex;
    other = view(vertex ? done[*vertex] : Chain{});
    source = other.get();
  }
  auto selected = TRY(solver::select_sources(*copy, *source));
  solver::CopyPlan plan = TRY(solver::plan_copy(*copy, *source, std::move(selected), *stage, options));
  return make_layer(std::move(plan), std::move(stage), std::move(other));
}

Result<LayerPtr> Rehearsal::file_layer(const graph::Vertex& vertex, const Chain& below,
                                       const std::vector<Chain>& done) {
  const auto& op = std::get<graph::FileOp>(vertex.op);
  const Chain stage = is_linked(op) ? Chain{} : below;
  oci::KeyHasher key("pgstrata.rehearsed-file.v1");
  key.add("definition", graph::definition_digest(vertex.op)).add("below", digest_of(stage));
  for (const graph::VertexId input : graph::inputs(vertex.op)) key.add("input", digest_of(done[input]));
  const oci::Digest name = key.finish();
  if (const auto known = known_.find(name); known != known_.end()) return known->second;
  LayerPtr layer = TRY(planned(op, stage, done));
  known_[name] = layer;
  return layer;
}

Result<std::variant<std::vector<Chain>, Refusal>> Rehearsal::run(const graph::BuildGraph& graph,
                                                                 const LayerOf& layer_of) {
  std::vector<Chain> done;
  for (graph::VertexId id = 0; id < graph.vertices.size(); ++id) {
    const graph::Vertex& vertex = graph.vertices[id];
    if (const auto* source = std::get_if<graph::SourceOp>(&vertex.op)) {
      done.push_back(TRY(base(*source)));
      continue;
    }
    Chain chain = below(vertex, done);
    if (std::holds_alternative<graph::FileOp>(vertex.op) && !is_remote(vertex)) {
      auto layer = file_layer(vertex, chain, done);
      if (!layer) return Refusal{.vertex = id, .path = "", .reason = layer.error().message()};
      chain.push_back(std::move(*layer));
    } else {
      auto layer = TRY(layer_of(id, done));
      if (auto* refusal = std::get_if<Refusal>(&layer)) return std::move(*refusal);
      chain.push_back(std::get<LayerPtr>(std::move(layer)));
    }
    done.push_back(std::move(chain));
  }
  return done;
}

}  // namespace pgstrata::advise
