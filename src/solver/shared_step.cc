// What the store doesn't have, and another machine's build has shared (--cache-from).
#include <algorithm>

#include "solver/build_executor.h"
#include "solver/recorded_runs.h"

namespace pgstrata::solver {

using graph::VertexId;
using remotecache::CacheReader;
using remotecache::SharedKey;
using remotecache::SharedRun;

Result<std::optional<VertexResult>> BuildExecutor::shared(VertexId id, const Results& done,
                                                          Prepared& prepared) {
  if (inputs_.shared == nullptr) return std::nullopt;
  // A run first: if the key is known as well it is the same layer, and with what it asked it can be put on
  // other layers later.
  auto result = TRY(shared_run(id, done, prepared));
  if (!result) result = TRY(shared_key(id, done, prepared));
  if (result && !inputs_.verify) TRY_VOID(inputs_.layers.index().remember(slot(id), prepared.parts));
  return result;
}

Result<std::optional<cache::RecordedRun>> BuildExecutor::taken_run(
    const CacheReader::Found<SharedRun>& found, const RunQuestion& question, Prepared& prepared) {
  const snapshot::NamedChain here = TRY(inputs_.layers.named(question.chain));
  const SharedRun& record = *found.record;
  auto chain = inputs_.shared->chain(found, here);
  if (!chain) return std::nullopt;
  const Recording recording{.asked = {.root = record.asked, .mounts = record.mounts, .names = record.names},
                            .inputs = record.inputs,
                            .layers = *std::move(chain)};
  const auto falsified = falsified_by(inputs_.layers, question, recording);
  if (!falsified) {
    // Lists of files and read sets are other people's bytes.
    inputs_.shared->refuse(found.cache, falsified.error());
    return std::nullopt;
  }
  if (*falsified) {
    if (!prepared.falsified) prepared.falsified = **falsified;
    return std::nullopt;
  }
  const auto layer = inputs_.shared->take(found.cache, record.layer);
  if (!layer) return std::nullopt;
  cache::RecordedRun run{
      .inputs = question.inputs, .layer = *layer, .seconds = record.seconds, .made = record.made};
  for (const cache::LayerRow& below : question.chain) run.chain.push_back(below.diff_id);
  return run;
}

Result<std::optional<VertexResult>> BuildExecutor::shared_run(VertexId id, const Results& done,
                                                              Prepared& prepared) {
  if (!needs_sandbox(id) || !inputs_.read_sets) return std::nullopt;
  const Chain below = chain_below(id, done);
  const oci::Digest op = TRY(run_digest(id, done, prepared));
  const RunQuestion question = run_question(id, done, prepared, op, below.layers);
  for (const auto& found : inputs_.shared->runs(op)) {
    const auto run = TRY(taken_run(found, question, prepared));
    if (!run) continue;
    std::int64_t written = run->made.ended;
    if (inputs_.verify) {
      prepared.reused_run = run;
    } else {
      cache::Index& index = inputs_.layers.index();
      written = TRY(index.record(prepared.parts.key(), run->layer.diff_id, run->seconds, run->made, op));
      // Every answer is the one that it got, so it may as well have run on these layers.
      TRY_VOID(index.add_run(
          op, *run,
          {.root = found.record->asked, .mounts = found.record->mounts, .names = found.record->names}));
    }
    const auto keys = inputs_.shared->keys(prepared.parts.key());
    const bool is_exact =
        std::any_of(keys.begin(), keys.end(), [&](const auto& key) { return key.cache == found.cache; });
    return VertexResult{.chain = reused(id, done, run->layer, run->made, started_ns_),
                        .status = is_exact ? Status::kHit : Status::kRebased,
                        .reason = is_exact ? "nothing it depends on changed; from the shared cache"
                                           : "nothing that it asked for changed; from the shared cache",
                        .created_ns = written,
                        .layer = run->layer,
                        .run = RunKey{.op = op, .inputs = prepared.parts.inputs}};
  }
  return std::nullopt;
}

Result<std::optional<VertexResult>> BuildExecutor::shared_key(VertexId id, const Results& done,
                                                              Prepared& prepared) {
  for (const auto& found : inputs_.shared->keys(prepared.parts.key())) {
    const SharedKey& record = *found.record;
    const auto layer = inputs_.shared->take(found.cache, record.layer);
    if (!layer) continue;
    std::int64_t written = record.written;
    if (!inputs_.verify)
      written = TRY(
          inputs_.layers.index().record(prepared.parts.key(), layer->diff_id, record.seconds, record.made));
    return VertexResult{.chain = reused(id, done, *layer, record.made, started_ns_),
                        .status = Status::kHit,
                        .reason = "nothing it depends on changed; from the shared cache",
                        .created_ns = written,
                        .layer = *layer};
  }
  return std::nullopt;
}

}  // namespace pgstrata::solver
