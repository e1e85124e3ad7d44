#include "explain/reads.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace pgstrata::explain {
namespace {

/// In the order in which groups are shown, and equal for origins that belong together.
std::tuple<std::size_t, Number, std::string> order_of(const Origin& origin) {
  struct Detail {
    std::pair<Number, std::string> operator()(const FromMount& mount) const { return {0, mount.target}; }
    std::pair<Number, std::string> operator()(const Nowhere&) const { return {0, ""}; }
    std::pair<Number, std::string> operator()(const FromContext& from) const { return {from.step, ""}; }
    std::pair<Number, std::string> operator()(const FromStep& from) const { return {from.step, ""}; }
    std::pair<Number, std::string> operator()(const FromBase& from) const { return {from.step, ""}; }
  };
  const auto [number, target] = std::visit(Detail{}, origin);
  return {origin.index(), number, target};
}

bool comes_before(const Group& one, const Group& other) {
  return order_of(one.origin) < order_of(other.origin);
}

Result<Origin> origin_of(const std::string& path, const snapshot::ChainView& view,
                         const std::vector<OriginLayer>& layers) {
  const auto place = TRY(view.origin(path));
  // A root that no layer mentions is the one that every chain has.
  if (!place && path.empty() && !layers.empty()) return layers.front().origin;
  if (!place || place->layer >= layers.size()) return Nowhere{};
  for (std::size_t at = place->layer + 1; at-- > 0;) {
    const auto entry = TRY(layers[at].changes->find(path));
    if (entry && !entry->implied) return layers[at].origin;
  }
  return layers[place->layer].origin;
}

}  // namespace

Result<Reads> grouped_reads(const cache::ReadSet& asked, const snapshot::ChainView& view,
                            const std::vector<OriginLayer>& layers) {
  std::map<std::tuple<std::size_t, Number, std::string>, Group> groups;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    filetree::Observation observation = asked.at(i);
    Origin origin = TRY(origin_of(observation.path, view, layers));
    Group& group = groups[order_of(origin)];
    group.origin = std::move(origin);
    group.asked.push_back(std::move(observation));
  }
  Reads reads;
  for (auto& [order, group] : groups) reads.push_back(std::move(group));
  return reads;
}

void add_mounts(const std::vector<cache::AskedMount>& mounts, const std::vector<std::string>& binds,
                Reads& reads) {
  for (const cache::AskedMount& mount : mounts) {
    if (mount.observations.empty()) continue;
    const std::string target = mount.mount < binds.size() ? binds[mount.mount] : "";
    reads.push_back({.origin = FromMount{target}, .asked = mount.observations});
  }
  std::stable_sort(reads.begin(), reads.end(), comes_before);
}

}  // namespace pgstrata::explain
