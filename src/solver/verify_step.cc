// --verify: what could have been reused is run all the same, and must give what would have been reused.
#include <fmt/format.h>

#include "cache/read_set.h"
#include "snapshot/chain_difference.h"
#include "solver/build_executor.h"
#include "solver/mounted_tree.h"

namespace pgstrata::solver {
namespace {

using filetree::Observation;
using filetree::Questions;
using graph::VertexId;

std::string missed(const std::string& path, Questions questions) {
  return fmt::format("its recording lacks that it asked for the {} of {}, which changed since",
                     filetree::name_of(questions), path);
}

Questions asked_of(const filetree::Observations& observations, std::string_view path) {
  for (const Observation& observation : observations)
    if (observation.path == path) return observation.questions;
  return 0;
}

/// What was asked of a bind mount now and isn't in the recording.
std::optional<std::string> missed_of_mounts(const graph::ExecOp& op,
                                            const std::vector<cache::AskedMount>& now,
                                            const std::vector<cache::AskedMount>& recorded) {
  for (const cache::AskedMount& mount : now)
    for (const Observation& observation : mount.observations) {
      Questions known = 0;
      for (const cache::AskedMount& other : recorded)
        if (other.mount == mount.mount) known |= asked_of(other.observations, observation.path);
      const auto lacking = static_cast<Questions>(observation.questions & ~known);
      if (lacking == 0) continue;
      const std::string& target = std::get<graph::BindMount>(op.mounts[mount.mount]).target;
      return fmt::format("its recording lacks that it asked for the {} of {}/{}, which is mounted",
                         filetree::name_of(lacking), target, observation.path);
    }
  return std::nullopt;
}

}  // namespace

Result<VertexResult> BuildExecutor::verified(VertexId id, const Results& done, Prepared& prepared,
                                             const cache::LayerRow& fresh, double seconds) {
  VertexResult result = *std::move(prepared.expected);
  const auto chain_with = [&](const cache::LayerRow& layer) -> Result<snapshot::NamedChain> {
    std::vector<cache::LayerRow> chain = chain_below(id, done).layers;
    chain.push_back(layer);
    snapshot::NamedChain named = TRY(inputs_.layers.named(chain));
    // Times aside: a file that was moved or chmodded has the context's, which is in no key.
    named.back().times = {};
    named.back().step = std::nullopt;
    return named;
  };
  const snapshot::NamedChain expected = TRY(chain_with(*result.layer));
  const snapshot::NamedChain got = TRY(chain_with(fresh));
  const filetree::Observations differences = TRY(snapshot::chain_difference(expected, got));
  if (!differences.empty()) {
    std::string why = TRY(why_it_differs(id, done, prepared));
    return fail(
        {.kind = ErrorKind::kBuildFailed,
         .what = fmt::format("--verify: {} was to be reused, and gave another {} of /{}",
                             inputs_.graph.vertices[id].instruction,
                             filetree::name_of(differences.front().questions), differences.front().path),
         .where = where(id),
         .why = std::move(why),
         .next = "report this if the step gives the same files each time it is run; if not, "
                 "--no-cache-filter runs its stage"});
  }
  if (prepared.reused_run)
    TRY(inputs_.layers.index().record(prepared.parts.key(), result.layer->diff_id,
                                      prepared.reused_run->seconds, prepared.reused_run->made,
                                      result.run->op));
  TRY_VOID(inputs_.layers.index().remember(slot(id), prepared.parts));
  result.seconds = seconds;
  result.reason += "; verified";
  inputs_.observer.finished(id, result);
  return result;
}

Result<std::string> BuildExecutor::why_it_differs(VertexId id, const Results& done,
                                                  const Prepared& prepared) {
  const std::string by_itself =
      "nothing that it asked for changed: it gives other files each time (clock, network, random numbers)";
  if (prepared.reused_run && prepared.reused_run->id == 0)
    return "the shared cache has other files for it than it gives here";
  if (!prepared.reused_run || !prepared.asked) return by_itself;
  const auto& op = std::get<graph::ExecOp>(inputs_.graph.vertices[id].op);
  const cache::Asked recorded = TRY(inputs_.layers.index().asked(prepared.reused_run->id));
  const auto mounts = TRY(cache::decode_mounts(recorded.mounts));
  if (auto found = missed_of_mounts(op, prepared.asked_mounts, mounts)) return *std::move(found);
  const auto chain_then = TRY(inputs_.layers.rows(prepared.reused_run->chain));
  if (!chain_then) return by_itself;
  const snapshot::NamedChain before = TRY(inputs_.layers.named(*chain_then));
  const snapshot::NamedChain after = TRY(inputs_.layers.named(chain_below(id, done).layers));
  const auto view = TRY(inputs_.layers.view(*chain_then, "the layers of the recorded run"));
  const cache::ReadSet root = TRY(cache::ReadSet::decode(recorded.root));
  for (const Observation& changed : TRY(snapshot::chain_difference(before, after))) {
    const auto lacking = static_cast<Questions>(
        changed.questions & asked_of(*prepared.asked, changed.path) & ~root.asked_of(changed.path));
    if (lacking == 0) continue;
    // What is there now was absent then, so that was the question.
    const bool came = !TRY(view->lookup(changed.path)).has_value();
    return missed("/" + changed.path, came ? filetree::kAskedAbsent : lacking);
  }
  return by_itself;
}

}  // namespace pgstrata::solver
