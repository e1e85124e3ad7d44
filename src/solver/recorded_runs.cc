#include "solver/recorded_runs.h"

#include <fmt/format.h>

#include <algorithm>

#include "cache/read_set.h"
#include "snapshot/chain_view.h"

namespace pgstrata::solver {
namespace {

using cache::LayerRow;
using cache::RecordedRun;

/// How many layers, from the bottom, a run was made on that the chain has as well.
std::size_t common_layers(const RecordedRun& run, const std::vector<LayerRow>& chain) {
  std::size_t count = 0;
  while (count < run.chain.size() && count < chain.size() && run.chain[count] == chain[count].diff_id)
    ++count;
  return count;
}

std::string describe_at(const snapshot::NamedChain& chain, const std::string& path) {
  std::vector<snapshot::LayerView> layers;
  for (const snapshot::NamedLayer& layer : chain) layers.push_back({.changes = layer.changes, .open = {}});
  // For a message only: if it can't be told, the message goes without it.
  const auto entry = snapshot::ChainView(std::move(layers), "").lookup(path);
  if (!entry) return "";
  return describe(*entry ? &**entry : nullptr);
}

class Check {
 public:
  Check(store::LayerStore& layers, const RunQuestion& question) : layers_(layers), question_(question) {}

  Result<std::optional<Falsified>> run(const Recording& recording) {
    if (recording.inputs != question_.inputs) {
      auto falsified = TRY(check_mounts(recording.asked.mounts));
      if (falsified) return falsified;
    }
    return check_root(recording.asked.root, recording.layers);
  }

 private:
  Result<std::optional<Falsified>> check_root(const std::string& bytes,
                                              const snapshot::NamedChain& before) {
    const snapshot::NamedChain after = TRY(layers_.named(question_.chain));
    const filetree::Observations differences = TRY(snapshot::chain_difference(before, after));
    const cache::ReadSet asked = TRY(cache::ReadSet::decode(bytes));
    const filetree::Observation* found = cache::falsified(asked, differences);
    if (found == nullptr) return std::nullopt;
    return Falsified{
        .path = found->path,
        .mount = "",
        .questions = static_cast<filetree::Questions>(found->questions & asked.asked_of(found->path)),
        .before = describe_at(before, found->path),
        .after = describe_at(after, found->path)};
  }

  Result<std::optional<Falsified>> check_mounts(const std::string& bytes) {
    const auto mounts = TRY(cache::decode_mounts(bytes));
    for (const cache::AskedMount& mount : mounts) {
      const MountedTree* tree = TRY(question_.mounted(mount.mount));
      for (std::size_t i = 0; i < mount.observations.size(); ++i) {
        const filetree::Observation& observation = mount.observations[i];
        if (tree->answer(observation) == mount.values[i]) continue;
        return Falsified{.path = observation.path,
                         .mount = question_.mount_target(mount.mount),
                         .questions = observation.questions,
                         .before = "",
                         .after = tree->describe(observation.path)};
      }
    }
    return std::nullopt;
  }

  store::LayerStore& layers_;
  const RunQuestion& question_;
};

}  // namespace

std::string in_words(const Falsified& falsified) {
  const std::string path = falsified.mount.empty()
                               ? "/" + falsified.path
                               : falsified.mount + (falsified.path.empty() ? "" : "/" + falsified.path);
  const auto asked = [&](filetree::Questions question) { return (falsified.questions & question) != 0; };
  if (asked(filetree::kAskedAbsent))
    return fmt::format("{}, which it looked for in vain, is there now", path);
  if (falsified.after == "absent") return fmt::format("{}, which it looked up, is gone", path);
  if (asked(filetree::kAskedContent)) return fmt::format("{}, which it read, changed", path);
  if (asked(filetree::kAskedTarget))
    return fmt::format("{}, a link that it followed, leads elsewhere", path);
  if (asked(filetree::kAskedListing)) return fmt::format("{}, which it listed, holds other files", path);
  return fmt::format("{}, which it looked up, has another {}", path,
                     filetree::name_of(falsified.questions));
}

Result<std::optional<Falsified>> falsified_by(store::LayerStore& layers, const RunQuestion& question,
                                              const Recording& recording) {
  return Check(layers, question).run(recording);
}

Result<Verdict> find_reusable(store::LayerStore& layers, const RunQuestion& question) {
  std::vector<RecordedRun> runs = TRY(layers.index().runs(question.op));
  std::stable_sort(runs.begin(), runs.end(), [&](const RecordedRun& a, const RecordedRun& b) {
    return common_layers(a, question.chain) > common_layers(b, question.chain);
  });
  std::optional<Falsified> first;
  for (const RecordedRun& run : runs) {
    // Without the layers that it ran on there is nothing to compare with.
    const auto chain_then = TRY(layers.rows(run.chain));
    if (!chain_then || !layers.is_present(run.layer)) continue;
    const Recording recording{.asked = TRY(layers.index().asked(run.id)),
                              .inputs = run.inputs,
                              .layers = TRY(layers.named(*chain_then))};
    auto falsified = TRY(falsified_by(layers, question, recording));
    if (!falsified) return Reusable{run};
    if (!first) first = std::move(falsified);
  }
  if (first) return std::move(*first);
  return NoRun{};
}

}  // namespace pgstrata::solver
