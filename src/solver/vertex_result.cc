#include "solver/vertex_result.h"

#include <algorithm>

namespace pgstrata::solver {
namespace {

/// Long enough to keep the order of a step's files, and short enough that 200 reused layers are not shown
/// as newer than what the next step makes.
constexpr std::int64_t kShownLength = 100'000;
constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace

bool TimeMap::holds(std::int64_t time) const {
  return time <= to && time >= (time % kSecond == 0 ? whole_from : from);
}

std::int64_t TimeMap::shown(std::int64_t time) const {
  const auto since = static_cast<double>(std::max(time, from) - from);
  const double part = to == from ? 1 : since / static_cast<double>(to - from);
  return shown_from + static_cast<std::int64_t>(part * static_cast<double>(shown_to - shown_from));
}

Chain Chain::with(const cache::LayerRow& layer) const {
  Chain longer = *this;
  longer.layers.push_back(layer);
  oci::KeyHasher name("pgstrata.chain.v1");
  name.add("below", id).add("layer", layer.change_set);
  if (!layer.times.is_none()) name.add("times", layer.times);
  longer.id = name.finish();
  return longer;
}

Chain Chain::with_new(const cache::LayerRow& layer, std::int64_t made) const {
  Chain longer = with(layer);
  longer.shown_until = std::max(shown_until, made);
  return longer;
}

Chain Chain::with_reused(const cache::LayerRow& layer, cache::Made made, std::int64_t now) const {
  Chain longer = with(layer);
  if (made.ended == 0) return longer;
  const std::int64_t start = std::max(now, shown_until);
  longer.shown_until = start + std::min(made.ended - made.began, kShownLength);
  longer.times.resize(layers.size());
  const std::int64_t began = layer.times.is_none() ? made.began : layer.step.began;
  longer.times.push_back(TimeMap{.from = made.began,
                                 .whole_from = began - began % kSecond,
                                 .to = std::max(made.ended, layer.step.ended),
                                 .shown_from = start,
                                 .shown_to = longer.shown_until});
  return longer;
}

}  // namespace pgstrata::solver
