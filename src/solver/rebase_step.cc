// A RUN on layers that it hasn't run on: its stored runs, and what reusing one of them makes of the chain.
#include <fmt/format.h>

#include "filetree/resolve.h"
#include "solver/build_executor.h"
#include "solver/recorded_runs.h"
#include "users/users.h"

namespace pgstrata::solver {

using graph::VertexId;

Result<oci::Digest> BuildExecutor::run_digest(VertexId id, const Results& done, const Prepared& prepared) {
  const auto& op = std::get<graph::ExecOp>(inputs_.graph.vertices[id].op);
  const auto view = TRY(inputs_.layers.view(chain_below(id, done).layers, "the stage"));
  const auto identity = users::resolve_identity(*view, op.user);
  if (!identity) {
    Error error = identity.error();
    error.where = where(id);
    return fail(std::move(error));
  }
  oci::KeyHasher key("pgstrata.run.v1");
  key.add("definition", prepared.parts.definition);
  // What we look up ourselves before it starts; the recorder doesn't see that.
  key.add("uid", std::uint64_t{identity->uid}).add("gid", std::uint64_t{identity->gid});
  for (const std::uint32_t group : identity->groups) key.add("group", std::uint64_t{group});
  key.add("home", identity->home).add("suite", bootstrapped_suite(id));
  // What the network gives falsifies every later RUN: `ADD https://…/commits` is how a `git clone` is made
  // new.
  for (std::optional<VertexId> at = id; at; at = inputs_.graph.vertices[*at].parent)
    if (const auto* file = std::get_if<graph::FileOp>(&inputs_.graph.vertices[*at].op))
      if (const auto* copy = std::get_if<graph::CopyAction>(&file->action); copy != nullptr)
        if (const oci::Digest remote = TRY(remotes_.digest(*copy, {})); !remote.is_none())
          key.add("remote", remote);
  for (const graph::ExecMount& mount : op.mounts)
    if (const auto* cache = std::get_if<graph::CacheMount>(&mount); cache != nullptr && cache->from)
      key.add("cache", TRY(mounted_content(*cache->from, cache->source, done)));
  return key.finish();
}

Result<const MountedTree*> BuildExecutor::mounted_tree(VertexId id, const Results& done, Prepared& prepared,
                                                       std::size_t mount) {
  if (const auto known = prepared.mounted.find(mount); known != prepared.mounted.end())
    return &known->second;
  const auto& op = std::get<graph::ExecOp>(inputs_.graph.vertices[id].op);
  const auto* bind = mount < op.mounts.size() ? std::get_if<graph::BindMount>(&op.mounts[mount]) : nullptr;
  if (bind == nullptr)
    return fail(
        {.kind = ErrorKind::kCorrupt, .what = "a stored run names a bind mount that its step hasn't"});
  std::unique_ptr<snapshot::ChainView> view;
  const filetree::FileTree* tree = TRY(tree_of(bind->from, done, view));
  const std::scoped_lock lock(context_mutex_);
  const std::string top = TRY(filetree::resolve(*tree, bind->source, filetree::FinalLink::kFollow));
  const filetree::ChangeSet entries = TRY(tree->walk(top));
  return &prepared.mounted.emplace(mount, MountedTree(entries, top)).first->second;
}

Result<void> BuildExecutor::store_run(VertexId id, const Results& done, Prepared& prepared,
                                      const oci::Digest& op, const cache::LayerRow& layer, double seconds,
                                      cache::Made made) {
  const auto recorded = static_cast<filetree::Questions>(~inputs_.mutant.unrecorded);
  for (filetree::Observation& observation : *prepared.asked) observation.questions &= recorded;
  if (inputs_.mutant.forgets_mounts) prepared.asked_mounts.clear();
  for (cache::AskedMount& mount : prepared.asked_mounts) {
    const MountedTree* tree = TRY(mounted_tree(id, done, prepared, mount.mount));
    for (filetree::Observation& observation : mount.observations) {
      observation.questions &= recorded;
      mount.values.push_back(tree->answer(observation));
    }
  }
  cache::RecordedRun run{.inputs = prepared.parts.inputs, .layer = layer, .seconds = seconds, .made = made};
  for (const cache::LayerRow& below : chain_below(id, done).layers) run.chain.push_back(below.diff_id);
  return inputs_.layers.index().add_run(op, run,
                                        {.root = cache::encode_read_set(*prepared.asked),
                                         .mounts = cache::encode_mounts(prepared.asked_mounts),
                                         .names = prepared.looked_up_names});
}

Chain BuildExecutor::reused(VertexId id, const Results& done, const cache::LayerRow& layer,
                            cache::Made made, std::int64_t now) const {
  const Chain below = chain_below(id, done);
  // Only the recorder can show other times, and with SOURCE_DATE_EPOCH all are that one.
  if (!inputs_.read_sets || inputs_.source_date_epoch || inputs_.mutant.shows_own_times)
    return below.with(layer);
  return below.with_reused(layer, made, now);
}

RunQuestion BuildExecutor::run_question(VertexId id, const Results& done, Prepared& prepared,
                                        const oci::Digest& op, const std::vector<cache::LayerRow>& below) {
  const auto& exec = std::get<graph::ExecOp>(inputs_.graph.vertices[id].op);
  return {.op = op,
          .inputs = prepared.parts.inputs,
          .chain = below,
          .mounted = [this, id, &done,
                      &prepared](std::size_t mount) { return mounted_tree(id, done, prepared, mount); },
          .mount_target =
              [&exec](std::size_t mount) { return std::get<graph::BindMount>(exec.mounts[mount]).target; }};
}

Result<std::optional<VertexResult>> BuildExecutor::rebase(VertexId id, const Results& done,
                                                          Prepared& prepared) {
  const auto* op = std::get_if<graph::ExecOp>(&inputs_.graph.vertices[id].op);
  if (op == nullptr || !inputs_.read_sets) return std::nullopt;
  const Chain below = chain_below(id, done);
  const oci::Digest op_digest = TRY(run_digest(id, done, prepared));
  const RunQuestion question = run_question(id, done, prepared, op_digest, below.layers);
  const Verdict verdict = TRY(find_reusable(inputs_.layers, question));
  if (const auto* falsified = std::get_if<Falsified>(&verdict)) {
    prepared.falsified = *falsified;
    return std::nullopt;
  }
  const auto* reusable = std::get_if<Reusable>(&verdict);
  if (reusable == nullptr) return std::nullopt;
  const cache::RecordedRun& run = reusable->run;
  std::int64_t written = run.made.ended;
  if (inputs_.verify) {
    prepared.reused_run = run;  // which is to be shown to be right before it is relied on
  } else {
    written = TRY(inputs_.layers.index().record(prepared.parts.key(), run.layer.diff_id, run.seconds,
                                                run.made, op_digest));
    TRY_VOID(inputs_.layers.index().remember(slot(id), prepared.parts));
  }
  return VertexResult{.chain = reused(id, done, run.layer, run.made, started_ns_),
                      .status = Status::kRebased,
                      .reason = "nothing that it asked for changed",
                      .created_ns = written,
                      .layer = run.layer,
                      .run = RunKey{.op = op_digest, .inputs = prepared.parts.inputs}};
}

}  // namespace pgstrata::solver
