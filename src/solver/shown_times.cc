#include "solver/shown_times.h"

#include <algorithm>

namespace pgstrata::solver {

ShownTimes shown_times(const Chain& chain, const snapshot::ChainView& view) {
  if (chain.times.empty()) return {};
  return [times = chain.times, &view](std::string_view path, std::int64_t mtime_ns) {
    // Most files are of the base image or a context, and older than any step.
    const auto may_hold = [&](const auto& map) { return map && map->holds(mtime_ns); };
    if (std::none_of(times.begin(), times.end(), may_hold)) return mtime_ns;
    const auto origin = view.origin(path);
    if (!origin || !*origin || (*origin)->layer >= times.size()) return mtime_ns;
    const auto& map = times[(*origin)->layer];
    return may_hold(map) ? map->shown(mtime_ns) : mtime_ns;
  };
}

}  // namespace pgstrata::solver
