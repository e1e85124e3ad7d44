#include "solver/build_executor.h"

#include <fmt/format.h>

#include <chrono>

#include "filetree/resolve.h"
#include "graph/definition.h"
#include "solver/recorded_runs.h"
#include "solver/shown_times.h"

namespace pgstrata::solver {
namespace {

using graph::VertexId;

std::int64_t wall_clock_ns() { return cache::Index::now(); }

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// What is copied from a stage has the times that it has there.
void take_shown_times(const Chain& chain, const snapshot::ChainView& view,
                      std::vector<Selected>& selected) {
  const ShownTimes shown = shown_times(chain, view);
  if (!shown) return;
  for (Selected& source : selected)
    for (filetree::Entry& entry : source.entries) entry.mtime_ns = shown(entry.path, entry.mtime_ns);
}

template <class T>
const T* op_as(const graph::Vertex& vertex) {
  return std::get_if<T>(&vertex.op);
}

}  // namespace

BuildExecutor::BuildExecutor(const BuildInputs& inputs)
    : inputs_(inputs),
      prepared_(inputs.graph.vertices.size()),
      started_ns_(wall_clock_ns()),
      remotes_(inputs.fetcher) {}

bool BuildExecutor::needs_sandbox(VertexId id) const {
  return op_as<graph::ExecOp>(inputs_.graph.vertices[id]) != nullptr;
}

oci::Digest BuildExecutor::key(VertexId id) const {
  const cache::KeyParts& parts = prepared_[id].parts;
  return parts.definition.is_none() ? oci::Digest{} : parts.key();
}

std::string BuildExecutor::where(VertexId id) const {
  return fmt::format("{}:{}", inputs_.dockerfile, inputs_.graph.vertices[id].location.line);
}

oci::Digest BuildExecutor::slot(VertexId id) const {
  return oci::KeyHasher("pgstrata.slot.v1")
      .add("build", inputs_.slot_prefix)
      .add("vertex", inputs_.graph.vertices[id].name.substr(0, inputs_.graph.vertices[id].name.find(']')))
      .finish();
}

Chain BuildExecutor::chain_below(VertexId id, const Results& done) const {
  const auto& parent = inputs_.graph.vertices[id].parent;
  return parent ? done[*parent]->chain : Chain{};
}

Result<std::optional<VertexResult>> BuildExecutor::reuse(VertexId id, const Results& done) {
  const graph::Vertex& vertex = inputs_.graph.vertices[id];
  if (op_as<graph::SourceOp>(vertex) != nullptr) return solve_source(id);
  Prepared& prepared = prepared_[id];
  prepared.parts = TRY(key_parts(id, done, prepared));
  std::optional<VertexResult> found;
  if (vertex.no_cache)
    prepared.reason = "--no-cache";
  else
    found = TRY(stored(id, done, prepared));
  if (found && inputs_.verify) {
    prepared.reason = "--verify";
    prepared.expected = std::exchange(found, std::nullopt);
  }
  if (found)
    inputs_.observer.finished(id, *found);
  else if (is_foreign(id))
    TRY_VOID(check_startable(id, done));
  return found;
}

Result<std::optional<VertexResult>> BuildExecutor::stored(VertexId id, const Results& done,
                                                          Prepared& prepared) {
  const auto hit = TRY(inputs_.layers.index().find(prepared.parts.key()));
  if (hit && inputs_.layers.is_present(hit->layer)) {
    VertexResult result{.chain = reused(id, done, hit->layer, hit->made, started_ns_),
                        .status = Status::kHit,
                        .reason = "nothing it depends on changed",
                        .created_ns = hit->written,
                        .layer = hit->layer};
    if (!hit->op.is_none()) result.run = RunKey{.op = hit->op, .inputs = prepared.parts.inputs};
    return result;
  }
  auto result = TRY(rebase(id, done, prepared));
  if (!result) result = TRY(shared(id, done, prepared));
  if (!result)
    prepared.reason = prepared.falsified ? in_words(*prepared.falsified)
                                         : TRY(miss_reason(id, prepared, hit.has_value()));
  return result;
}

Result<VertexResult> BuildExecutor::solve_source(VertexId id) {
  const auto& source = std::get<graph::SourceOp>(inputs_.graph.vertices[id].op);
  const auto resolved = inputs_.bases.resolve(source.reference, source.platform);
  if (!resolved) {
    Error error = resolved.error();
    if (error.where.empty()) error.where = where(id);
    return fail(std::move(error));
  }
  const Base* base = *resolved;
  VertexResult result{
      .chain = base->chain, .status = Status::kHit, .reason = "the base image is in the store"};
  inputs_.observer.finished(id, result);
  return result;
}

Result<VertexResult> BuildExecutor::run(VertexId id, const Results& done, std::stop_token stop) {
  const auto start = std::chrono::steady_clock::now();
  Prepared& prepared = prepared_[id];
  prepared.started_ns = wall_clock_ns();
  inputs_.observer.started(id, prepared.reason);
  auto layer = needs_sandbox(id) ? run_exec(id, done, prepared, stop) : run_file(id, done, prepared, stop);
  if (!layer) {
    Error error = std::move(layer).error();
    if (error.where.empty()) error.where = where(id);
    inputs_.observer.failed(id, error);
    return fail(std::move(error));
  }
  if (!prepared.expected) return finish(id, done, prepared, *layer, seconds_since(start));
  auto result = verified(id, done, prepared, *layer, seconds_since(start));
  if (!result) inputs_.observer.failed(id, result.error());
  return result;
}

Result<std::optional<cache::LayerRow>> BuildExecutor::equal_layer(VertexId id,
                                                                  const oci::Digest& change_set,
                                                                  const oci::Digest& times,
                                                                  const Prepared& prepared) {
  // SOURCE_DATE_EPOCH promises the file times as well.
  if (inputs_.graph.vertices[id].no_cache || inputs_.source_date_epoch) return std::nullopt;
  // The times of an older layer have to be shown as if they were new, which takes the recorder. A COPY's
  // are those of its sources.
  if (needs_sandbox(id) && !inputs_.read_sets) return std::nullopt;
  const auto known = TRY(inputs_.layers.index().layer_with(change_set, times, prepared.started_ns));
  if (known && inputs_.layers.is_present(*known)) return known;
  return std::nullopt;
}

Result<VertexResult> BuildExecutor::finish(VertexId id, const Results& done, Prepared& prepared,
                                           const cache::LayerRow& row, double seconds) {
  cache::LayerRow layer = row;
  Status status = Status::kRan;
  cache::Made made{.began = prepared.started_ns};
  if (const auto older = TRY(equal_layer(id, row.change_set, row.times, prepared))) {
    layer = *older;
    status = Status::kCutOff;
  }
  // The second without the first: a step that must run made the same bytes in the same second as an earlier
  // one, whose unpacked files were kept.
  const bool made_earlier =
      status == Status::kCutOff || (!layer.times.is_none() && layer.step.began < prepared.started_ns);
  if (made_earlier) made = TRY(inputs_.layers.index().made(layer.diff_id)).value_or(cache::Made{});
  std::optional<RunKey> run;
  if (prepared.asked)
    run = RunKey{.op = TRY(run_digest(id, done, prepared)), .inputs = prepared.parts.inputs};
  const std::int64_t written = TRY(inputs_.layers.index().record(
      prepared.parts.key(), layer.diff_id, seconds, made, run ? run->op : oci::Digest{}));
  TRY_VOID(inputs_.layers.index().remember(slot(id), prepared.parts));
  if (made.ended == 0) made.ended = written;
  if (run) TRY_VOID(store_run(id, done, prepared, run->op, layer, seconds, made));
  const Chain below = chain_below(id, done);
  VertexResult result{.chain = made_earlier ? reused(id, done, layer, made, prepared.started_ns)
                                            : below.with_new(layer, written),
                      .status = status,
                      .reason = prepared.reason,
                      .seconds = seconds,
                      .created_ns = written,
                      .layer = layer,
                      .falsified = prepared.falsified,
                      .run = run};
  inputs_.observer.finished(id, result);
  return result;
}

Result<const filetree::FileTree*> BuildExecutor::tree_of(const graph::Input& from, const Results& done,
                                                         std::unique_ptr<snapshot::ChainView>& view) {
  if (const auto* local = std::get_if<graph::LocalInput>(&from)) {
    if (const auto archive = inputs_.archives.find(local->context); archive != inputs_.archives.end())
      return archive->second;
    const auto found = inputs_.contexts.find(local->context);
    if (found == inputs_.contexts.end())
      return fail({.kind = ErrorKind::kUsage,
                   .what = fmt::format("there is no build context \"{}\"", local->context)});
    return found->second;
  }
  const auto& vertex = std::get<graph::VertexInput>(from).vertex;
  const std::string name = vertex ? inputs_.graph.vertices[*vertex].name : "scratch";
  view =
      TRY(inputs_.layers.view(vertex ? done[*vertex]->chain.layers : std::vector<cache::LayerRow>{}, name));
  return view.get();
}

Result<cache::LayerRow> BuildExecutor::run_file(VertexId id, const Results& done, Prepared& prepared,
                                                const std::stop_token& stop) {
  const auto& op = std::get<graph::FileOp>(inputs_.graph.vertices[id].op);
  const auto* copied = std::get_if<graph::CopyAction>(&op.action);
  const Chain chain = copied != nullptr && is_linked(*copied) ? Chain{} : chain_below(id, done);
  const auto below = TRY(inputs_.layers.view(chain.layers, "the stage"));
  CopyOptions options{.now_ns = wall_clock_ns(),
                      .has_stage = !chain.layers.empty(),
                      .spool_directory = inputs_.layers.content().root() + "/tmp"};
  if (inputs_.source_date_epoch) options.epoch_ns = *inputs_.source_date_epoch * 1'000'000'000;
  if (options.epoch_ns) options.now_ns = *options.epoch_ns;
  const layer::WriteOptions write{.source_date_epoch = inputs_.source_date_epoch};
  if (const auto* directory = std::get_if<graph::MakeDirectory>(&op.action)) {
    CopyPlan plan = TRY(plan_directory(*directory, *below, options));
    if (!plan.warning.empty()) inputs_.observer.warned(id, plan.warning);
    auto entries = std::move(plan.entries);
    return inputs_.layers.add(
        std::move(entries), [&](const filetree::Entry& entry) { return plan.open(entry); }, write);
  }
  const auto& copy = std::get<graph::CopyAction>(op.action);
  options.from_context = std::holds_alternative<graph::LocalInput>(copy.from);
  std::unique_ptr<snapshot::ChainView> stage;
  const filetree::FileTree* source = TRY(tree_of(copy.from, done, stage));
  if (stage && std::get<graph::VertexInput>(copy.from).vertex)
    take_shown_times(done[*std::get<graph::VertexInput>(copy.from).vertex]->chain, *stage,
                     prepared.selected);
  auto selected = TRY(remotes_.select(copy, std::move(prepared.selected), stop));
  const std::scoped_lock lock(context_mutex_);
  CopyPlan plan = TRY(plan_copy(copy, *source, std::move(selected), *below, options));
  if (!plan.warning.empty()) inputs_.observer.warned(id, plan.warning);
  auto entries = std::move(plan.entries);
  const auto older = TRY(equal_layer(id, filetree::change_set_digest(entries), {}, prepared));
  if (older) return *older;
  snapshot::ContentOpener open = [&](const filetree::Entry& entry) { return plan.open(entry); };
  const auto previous = TRY(previous_layer(id));
  if (previous) open = previous->before(std::move(open));
  return inputs_.layers.add(std::move(entries), open, write);
}

Result<std::unique_ptr<store::PreviousLayer>> BuildExecutor::previous_layer(VertexId id) {
  const auto parts = TRY(inputs_.layers.index().previous(slot(id)));
  if (!parts) return nullptr;
  const auto hit = TRY(inputs_.layers.index().find(parts->key()));
  return hit ? inputs_.layers.previous(hit->layer) : nullptr;
}

}  // namespace pgstrata::solver
