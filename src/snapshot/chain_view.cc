#include "snapshot/chain_view.h"

#include <algorithm>
#include <map>
#include <utility>

namespace pgstrata::snapshot {

using filetree::Entry;
using filetree::EntryType;

ChainView::ChainView(std::vector<LayerView> layers, std::string name)
    : layers_(std::move(layers)), name_(std::move(name)) {
  std::reverse(layers_.begin(), layers_.end());
}

Result<void> ChainView::merge(Node& node, std::size_t layer, std::size_t index,
                              ChangeSetFile::Range within) const {
  if (node.closed) return {};
  const ChangeSetFile& changes = *layers_[layer].changes;
  const auto head = TRY(changes.head(index));
  if (head.type != EntryType::kDirectory) {
    node.closed = true;
    if (!node.shown && head.type != EntryType::kWhiteout) node.shown = Place{layer, index};
    return {};
  }
  if (!node.shown) node.shown = Place{layer, index};
  node.parts.push_back({layer, TRY(changes.below(head.path, within))});
  node.closed = head.opaque;
  return {};
}

Result<ChainView::Node> ChainView::root() const {
  Node node;
  for (std::size_t layer = 0; layer < layers_.size() && !node.closed; ++layer) {
    const ChangeSetFile& changes = *layers_[layer].changes;
    if (changes.size() == 0) continue;
    if (TRY(changes.head(0)).path.empty())
      TRY_VOID(merge(node, layer, 0, changes.all()));
    else
      node.parts.push_back({layer, changes.all()});
  }
  return node;
}

Result<std::optional<ChainView::Node>> ChainView::find(std::string_view path) const {
  Node node = TRY(root());
  std::size_t end = 0;
  while (end < path.size()) {
    end = std::min(path.find('/', end + (end == 0 ? 0 : 1)), path.size());
    Node child;
    child.path = path.substr(0, end);
    for (const Part& part : node.parts) {
      if (child.closed) break;
      const auto index = TRY(layers_[part.layer].changes->find_index(child.path, part.below));
      if (index) TRY_VOID(merge(child, part.layer, *index, part.below));
    }
    if (!child.shown) return std::nullopt;
    node = std::move(child);
  }
  return node;
}

Result<std::vector<ChainView::Node>> ChainView::children(const Node& directory) const {
  std::map<std::string_view, Node> merged;
  for (const Part& part : directory.parts) {
    const ChangeSetFile& changes = *layers_[part.layer].changes;
    const std::vector<std::size_t> indices = TRY(changes.children(directory.path, part.below));
    for (const std::size_t index : indices) {
      const auto path = TRY(changes.head(index)).path;
      Node& child = merged[path];
      child.path = path;
      TRY_VOID(merge(child, part.layer, index, part.below));
    }
  }
  std::vector<Node> shown;
  for (auto& [path, node] : merged)
    if (node.shown) shown.push_back(std::move(node));
  return shown;
}

Result<ChainView::Place> ChainView::inode(Place place) const {
  const ChangeSetFile& changes = *layers_[place.layer].changes;
  if (TRY(changes.head(place.index)).type != EntryType::kHardLink) return place;
  const Entry link = TRY(changes.entry(place.index));
  const auto target = TRY(changes.find_index(link.link, changes.all()));
  if (!target || TRY(changes.head(*target)).type != EntryType::kRegular)
    return fail({.kind = ErrorKind::kCorrupt,
                 .what = "a hard link leads to no file of its layer",
                 .where = name_ + ": /" + link.path,
                 .why = "its target is /" + link.link});
  return Place{place.layer, *target};
}

Result<Entry> ChainView::entry_of(const Node& node) const {
  Entry entry;
  if (node.shown) {
    const Place place = TRY(inode(*node.shown));
    entry = TRY(layers_[place.layer].changes->entry(place.index));
  } else {
    entry.type = EntryType::kDirectory;
    entry.mode = 0755;
  }
  entry.path = node.path;
  // Facts of a change, not of a tree.
  entry.opaque = false;
  entry.implied = false;
  return entry;
}

Result<std::optional<Entry>> ChainView::lookup(std::string_view path) const {
  const auto node = TRY(find(path));
  if (!node) return std::nullopt;
  return TRY(entry_of(*node));
}

Result<std::optional<ChainView::Origin>> ChainView::origin(std::string_view path) const {
  const auto node = TRY(find(path));
  if (!node || !node->shown) return std::nullopt;
  const Place place = TRY(inode(*node->shown));
  const auto head = TRY(layers_[place.layer].changes->head(place.index));
  return Origin{.layer = layers_.size() - 1 - place.layer, .inode = std::string(head.path)};
}

Result<std::vector<Entry>> ChainView::list(std::string_view directory) const {
  std::vector<Entry> entries;
  const auto node = TRY(find(directory));
  if (!node) return entries;
  const std::vector<Node> found = TRY(children(*node));
  for (const Node& child : found) entries.push_back(TRY(entry_of(child)));
  return entries;
}

Result<void> ChainView::walk_into(const Node& node, std::vector<Node>& found) const {
  found.push_back({.path = node.path, .shown = node.shown});
  const std::vector<Node> below = TRY(children(node));
  for (const Node& child : below) TRY_VOID(walk_into(child, found));
  return {};
}

Result<filetree::ChangeSet> ChainView::walk(std::string_view top) const {
  filetree::ChangeSet entries;
  const auto start = TRY(find(top));
  if (!start) return entries;
  std::vector<Node> nodes;
  TRY_VOID(walk_into(*start, nodes));
  std::sort(nodes.begin(), nodes.end(), [](const Node& a, const Node& b) { return a.path < b.path; });
  std::map<std::pair<std::size_t, std::size_t>, std::string_view> first_name;
  entries.reserve(nodes.size());
  for (const Node& node : nodes) {
    Entry entry = TRY(entry_of(node));
    if (entry.type == EntryType::kRegular) {
      const Place place = TRY(inode(*node.shown));
      const auto [first, is_new] = first_name.try_emplace({place.layer, place.index}, node.path);
      if (!is_new) {
        entry.type = EntryType::kHardLink;
        entry.link = first->second;
        entry.size = 0;
        entry.content = {};
        entry.tar_offset = 0;
      }
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<filetree::Content> ChainView::open(const Entry& entry) const {
  const auto node = TRY(find(entry.path));
  if (!node || !node->shown)
    return fail(
        {.kind = ErrorKind::kNotFound, .what = "no such file", .where = name_ + ": /" + entry.path});
  const Place place = TRY(inode(*node->shown));
  const LayerView& layer = layers_[place.layer];
  const Entry stored = TRY(layer.changes->entry(place.index));
  if (stored.type != EntryType::kRegular)
    return fail(
        {.kind = ErrorKind::kUsage, .what = "not a regular file", .where = name_ + ": /" + entry.path});
  return layer.open(stored);
}

}  // namespace pgstrata::snapshot
