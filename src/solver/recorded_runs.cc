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

using Found = std::optional<filetree::Entry>;

Result<Found> find(const snapshot::NamedChain& chain, const std::string& path) {
  std::vector<snapshot::LayerView> layers;
  for (const snapshot::NamedLayer& layer : chain) layers.push_back({.changes = layer.changes, .open = {}});
  const auto entry = TRY(snapshot::ChainView(std::move(layers), "").lookup(path));
  return entry ? Found(*entry) : Found();
}

/// For a message only: if it can't be told, the message goes without it.
std::string description(const Result<Found>& found) {
  if (!found) return "";
  return describe(*found ? &**found : nullptr);
}

/// Of a directory that was listed: what it was with or without.
std::string with_name(std::string_view name, const Found& found) {
  return found ? fmt::format("with {}: {}", name, describe(&*found)) : fmt::format("without {}", name);
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
    Falsified falsified{
        .path = found->path,
        .mount = "",
        .questions = static_cast<filetree::Questions>(found->questions & asked.asked_of(found->path)),
        .before = description(find(before, found->path)),
        .after = description(find(after, found->path))};
    if (falsified.questions == filetree::kAskedListing)
      name_what_came_or_went(differences, before, after, falsified);
    return falsified;
  }

  /// Of a listing that is another one: the first name that came, went or is of another type.
  static void name_what_came_or_went(const filetree::Observations& differences,
                                     const snapshot::NamedChain& then, const snapshot::NamedChain& now,
                                     Falsified& listing) {
    for (const filetree::Observation& changed : differences) {
      if (changed.path.empty() || filetree::parent_path(changed.path) != listing.path) continue;
      const auto before = find(then, changed.path);
      const auto after = find(now, changed.path);
      if (!before || !after) return;
      const bool same_type = *before && *after && (*before)->type == (*after)->type;
      if (same_type || (!*before && !*after)) continue;
      const std::string_view name = filetree::base_name(changed.path);
      listing.before = with_name(name, *before);
      listing.after = with_name(name, *after);
      return;
    }
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
  if (asked(filetree::kAskedListing)) {
    if (falsified.after.starts_with("with"))
      return fmt::format("{}, which it listed, is now {}", path, falsified.after);
    return fmt::format("{}, which it listed, holds other files", path);
  }
  return fmt::format("{}, which it looked up, has another {}", path,
                     filetree::name_of(falsified.questions));
}

Result<std::optional<Falsified>> falsified_by(store::LayerStore& layers, const RunQuestion& question,
                                              const Recording& recording) {
  return Check(layers, question).run(recording);
}

namespace {

Result<std::optional<Falsified>> falsified_by_run(store::LayerStore& layers, const RunQuestion& question,
                                                  const RecordedRun& run,
                                                  const std::vector<cache::LayerRow>& chain_then) {
  auto asked = TRY(layers.index().asked(run.id));
  auto named = TRY(layers.named(chain_then));
  const Recording recording{.asked = std::move(asked), .inputs = run.inputs, .layers = std::move(named)};
  return falsified_by(layers, question, recording);
}

bool is_unusable(ErrorKind kind) { return kind == ErrorKind::kCorrupt || kind == ErrorKind::kNotFound; }

}  // namespace

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
    auto falsified = falsified_by_run(layers, question, run, *chain_then);
    // One that a bad disk has damaged, or that another build has replaced meanwhile, is as good as none.
    if (!falsified && is_unusable(falsified.error().kind)) continue;
    if (!falsified) return fail(std::move(falsified).error());
    if (!*falsified) return Reusable{run};
    if (!first) first = *std::move(falsified);
  }
  if (first) return std::move(*first);
  return NoRun{};
}

}  // namespace pgstrata::solver
