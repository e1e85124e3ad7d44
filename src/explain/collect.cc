#include "explain/collect.h"

#include <algorithm>

#include "explain/reads.h"

namespace pgstrata::explain {
namespace {

using history::Status;

void count(const filetree::Entry& entry, Written& written) {
  switch (entry.type) {
    case filetree::EntryType::kRegular:
    case filetree::EntryType::kHardLink:
      ++written.files;
      break;
    case filetree::EntryType::kDirectory:
      if (!entry.implied) ++written.directories;
      break;
    case filetree::EntryType::kSymlink:
      ++written.links;
      break;
    case filetree::EntryType::kWhiteout:
      ++written.removed;
      break;
    default:
      ++written.others;
  }
}

/// Of one layer, or of all of a base image's; nothing if they aren't in the store any more.
Result<std::optional<Written>> written_in(store::LayerStore& layers,
                                          const std::vector<oci::Digest>& diff_ids) {
  const auto rows = TRY(layers.rows(diff_ids));
  if (!rows) return std::nullopt;
  Written written;
  for (const cache::LayerRow& row : *rows) written.bytes += row.size;
  const snapshot::NamedChain chain = TRY(layers.named(*rows));
  for (const snapshot::NamedLayer& layer : chain)
    for (std::size_t i = 0; i < layer.changes->size(); ++i) {
      const filetree::Entry entry = TRY(layer.changes->entry(i));
      count(entry, written);
    }
  return written;
}

class Collector {
 public:
  Collector(const history::Build& build, store::LayerStore& layers) : build_(build), layers_(layers) {
    explanation_.build = build;
    explanation_.steps = ordered_steps(build);
    for (const Step& step : explanation_.steps)
      if (step.record.vertex) numbers_[*step.record.vertex] = step.number;
  }

  Result<Explanation> run() && {
    for (Step& step : explanation_.steps) {
      const history::Step& record = step.record;
      if (record.layer)
        step.written = TRY(written_in(layers_, {record.layer->diff_id}));
      else if (!record.base.empty())
        step.written = TRY(written_in(layers_, record.base));
      if (record.kind == history::Kind::kExec) TRY_VOID(collect_run(step));
    }
    explanation_.build.steps.clear();
    return std::move(explanation_);
  }

 private:
  Result<void> collect_run(Step& step) {
    const history::Step& record = step.record;
    if (!record.run || !record.layer) {
      step.reads = NotKnown{why_not_recorded(record)};
      return {};
    }
    const auto chain = build_.chain_below(record);
    const auto run = TRY(recorded_run(record, chain.value_or(std::vector<oci::Digest>())));
    if (run && (record.status == Status::kHit || record.status == Status::kRebased))
      step.spared = run->seconds;
    const auto rows = chain ? TRY(layers_.rows(*chain)) : std::nullopt;
    if (!run || !rows) {
      step.reads = NotKnown{"its recording, or a layer below it, is no longer in the store"};
      return {};
    }
    const auto view = TRY(layers_.view(*rows, "the stage"));
    const snapshot::NamedChain named = TRY(layers_.named(*rows));
    const std::vector<Origin> origins = origins_below(record);
    std::vector<OriginLayer> layers;
    for (std::size_t i = 0; i < named.size(); ++i) layers.push_back({named[i].changes, origins[i]});
    const cache::Asked asked = TRY(layers_.index().asked(run->id));
    const cache::ReadSet root = TRY(cache::ReadSet::decode(asked.root));
    Reads reads = TRY(grouped_reads(root, *view, layers));
    const auto mounts = TRY(cache::decode_mounts(asked.mounts));
    step.looked_up_names = asked.names;
    add_mounts(mounts, record.binds, reads);
    step.reads = std::move(reads);
    return {};
  }

  [[nodiscard]] std::string why_not_recorded(const history::Step& record) const {
    switch (record.status) {
      case Status::kFailed:
      case Status::kCancelled:
        return "it didn't come to an end";
      case Status::kNotReached:
        return "it didn't run";
      case Status::kHit:
        return "it wasn't recorded when it ran";
      default:
        return build_.unrecorded.empty() ? "it wasn't recorded" : build_.unrecorded;
    }
  }

  /// Of the runs that gave this layer the one that ran on most of the same layers, as
  /// solver/recorded_runs.h takes it.
  Result<std::optional<cache::RecordedRun>> recorded_run(const history::Step& record,
                                                         const std::vector<oci::Digest>& chain) {
    const std::vector<cache::RecordedRun> runs = TRY(layers_.index().runs(record.run->op));
    std::optional<cache::RecordedRun> best;
    std::ptrdiff_t most = -1;
    for (const cache::RecordedRun& run : runs) {
      if (run.layer.diff_id != record.layer->diff_id) continue;
      const auto differs =
          std::mismatch(run.chain.begin(), run.chain.end(), chain.begin(), chain.end()).first;
      const std::ptrdiff_t common = differs - run.chain.begin();
      if (common <= most) continue;
      most = common;
      best = run;
    }
    return best;
  }

  /// One for each layer of chain_below(), bottom first.
  [[nodiscard]] std::vector<Origin> origins_below(const history::Step& record) const {
    std::vector<Origin> top_first;
    for (auto at = record.parent; at;) {
      const history::Step* below = build_.vertex(*at);
      const Number number = numbers_.at(*at);
      if (!below->layer)
        top_first.insert(top_first.end(), below->base.size(), FromBase{number});
      else if (below->context)
        top_first.emplace_back(FromContext{number});
      else
        top_first.emplace_back(FromStep{number});
      at = below->parent;
    }
    return {top_first.rbegin(), top_first.rend()};
  }

  const history::Build& build_;
  store::LayerStore& layers_;
  Explanation explanation_;
  std::map<history::VertexId, Number> numbers_;
};

}  // namespace

Result<Explanation> collect(const history::Build& build, store::LayerStore& layers) {
  return Collector(build, layers).run();
}

}  // namespace pgstrata::explain
