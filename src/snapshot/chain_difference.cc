#include "snapshot/chain_difference.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "snapshot/chain_view.h"

namespace pgstrata::snapshot {
namespace {

using filetree::Entry;
using filetree::EntryType;
using filetree::Observations;
using filetree::Questions;

// ---- Which layers differ: those outside of a longest common subsequence.

struct Gap {
  NamedChain before;  ///< layers of one place that only the one chain has
  NamedChain after;
};

bool same_layer(const NamedLayer& one, const NamedLayer& other) {
  return one.change_set == other.change_set && one.times == other.times;
}

/// lengths[i][j]: layers in common between before[i..] and after[j..].
std::vector<std::vector<std::size_t>> common_lengths(const NamedChain& before, const NamedChain& after) {
  std::vector<std::vector<std::size_t>> lengths(before.size() + 1,
                                                std::vector<std::size_t>(after.size() + 1, 0));
  for (std::size_t i = before.size(); i-- > 0;)
    for (std::size_t j = after.size(); j-- > 0;)
      lengths[i][j] = same_layer(before[i], after[j]) ? lengths[i + 1][j + 1] + 1
                                                      : std::max(lengths[i + 1][j], lengths[i][j + 1]);
  return lengths;
}

std::vector<Gap> gaps(const NamedChain& before, const NamedChain& after) {
  const auto lengths = common_lengths(before, after);
  std::vector<Gap> found;
  Gap gap;
  const auto close = [&] {
    if (!gap.before.empty() || !gap.after.empty()) found.push_back(std::exchange(gap, {}));
  };
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < before.size() || j < after.size()) {
    if (i < before.size() && j < after.size() && same_layer(before[i], after[j])) {
      close();
      ++i, ++j;
    } else if (j == after.size() || (i < before.size() && lengths[i + 1][j] >= lengths[i][j + 1])) {
      gap.before.push_back(before[i++]);
    } else {
      gap.after.push_back(after[j++]);
    }
  }
  close();
  return found;
}

// ---- What they touch.

/// The names of each file of a layer that has several, by the one that the others are linked to.
using LinkGroups = std::map<std::string, std::vector<std::string>, std::less<>>;

Result<LinkGroups> link_groups(const ChangeSetFile& changes) {
  LinkGroups groups;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (TRY(changes.head(i)).type != EntryType::kHardLink) continue;
    const Entry link = TRY(changes.entry(i));
    auto& names = groups[link.link];
    if (names.empty()) names.push_back(link.link);
    names.push_back(link.path);
  }
  for (auto& [target, names] : groups) std::sort(names.begin(), names.end());
  return groups;
}

/// Paths, and whether what lies below them may be other as well.
using TouchedPaths = std::map<std::string, bool, std::less<>>;

/// A layer of a gap, gone through from its first record to its last.
struct Cursor {
  const ChangeSetFile* changes = nullptr;
  std::optional<filetree::StepTimes> step;
  std::size_t next = 0;
};
using Cursors = std::vector<Cursor>;

Cursors cursors(const NamedChain& layers) {
  Cursors all;
  for (const NamedLayer& layer : layers) all.push_back({.changes = layer.changes, .step = layer.step});
  return all;
}

/// The least path that any of the layers comes to next.
Result<std::optional<std::string_view>> least_path(const Cursors& before, const Cursors& after) {
  std::optional<std::string_view> least;
  for (const Cursors* side : {&before, &after})
    for (const Cursor& cursor : *side) {
      if (cursor.next == cursor.changes->size()) continue;
      const auto head = TRY(cursor.changes->head(cursor.next));
      if (!least || head.path < *least) least = head.path;
    }
  return least;
}

/// The layers of one side that say something of `path`, as they stood there.
struct Saying {
  Cursors layers;
  bool hides = false;
};
Result<Saying> take(Cursors& side, std::string_view path) {
  Saying saying;
  for (Cursor& cursor : side) {
    if (cursor.next == cursor.changes->size()) continue;
    const auto head = TRY(cursor.changes->head(cursor.next));
    if (head.path != path) continue;
    saying.layers.push_back(cursor);
    saying.hides = saying.hides || head.type != EntryType::kDirectory || head.opaque;
    ++cursor.next;
  }
  return saying;
}

/// Whether a file's time means another thing. Of directories nobody can tell, since each new name sets it.
bool times_differ(const Entry& before, const std::optional<filetree::StepTimes>& step_before,
                  const Entry& after, const std::optional<filetree::StepTimes>& step_after) {
  return step_before && step_after && before.type == EntryType::kRegular &&
         filetree::lasting_time(before.mtime_ns, *step_before) !=
             filetree::lasting_time(after.mtime_ns, *step_after);
}

Result<bool> same(const Saying& before, const Saying& after) {
  if (before.layers.size() != after.layers.size()) return false;
  for (std::size_t i = 0; i < before.layers.size(); ++i) {
    const Cursor& mine = before.layers[i];
    const Cursor& theirs = after.layers[i];
    if (!TRY(mine.changes->says_the_same(mine.next, *theirs.changes, theirs.next))) return false;
    if (!mine.step || !theirs.step) continue;
    if (times_differ(TRY(mine.changes->entry(mine.next)), mine.step,
                     TRY(theirs.changes->entry(theirs.next)), theirs.step))
      return false;
  }
  return true;
}

/// All names of a file that has several change if one of them does: they show one inode.
Result<void> add_linked(const Gap& gap, TouchedPaths& touched) {
  std::map<std::string, std::vector<std::string>, std::less<>> known;
  for (const NamedChain* side : {&gap.before, &gap.after})
    for (const NamedLayer& layer : *side)
      for (const auto& [target, names] : TRY(link_groups(*layer.changes)))
        if (std::any_of(names.begin(), names.end(),
                        [&](const auto& name) { return touched.contains(name); }))
          known[target].insert(known[target].end(), names.begin(), names.end());
  for (const auto& [target, names] : known)
    for (const std::string& name : names) touched[name] = true;
  return {};
}

/// Adds the paths of which the two sides of a gap don't say the same.
Result<void> add_touched(const Gap& gap, TouchedPaths& touched) {
  Cursors before = cursors(gap.before);
  Cursors after = cursors(gap.after);
  while (const auto path = TRY(least_path(before, after))) {
    const Saying said_before = TRY(take(before, *path));
    const Saying said_after = TRY(take(after, *path));
    if (TRY(same(said_before, said_after))) continue;
    bool& hides = touched[std::string(*path)];
    hides = hides || said_before.hides || said_after.hides;
  }
  return add_linked(gap, touched);
}

// ---- What that makes of the merged tree.

/// One of the two merged trees.
class Side {
 public:
  explicit Side(const NamedChain& chain) : layers_(chain), view_(views(chain), "a chain of layers") {}

  Result<std::optional<Entry>> lookup(std::string_view path) const { return view_.lookup(path); }
  Result<std::vector<Entry>> list(std::string_view directory) const { return view_.list(directory); }

  /// When the step ran that made the file at `path`; nothing if it is of a base or of a context.
  Result<std::optional<filetree::StepTimes>> step(std::string_view path) const {
    const auto origin = TRY(view_.origin(path));
    return origin ? layers_[origin->layer].step : std::nullopt;
  }

  /// The names that the file at `path` has in its own layer; empty for only one.
  Result<std::vector<std::string>> links(std::string_view path) {
    const auto origin = TRY(view_.origin(path));
    if (!origin) return std::vector<std::string>{};
    auto& groups = groups_[origin->layer];
    if (!groups) groups = TRY(link_groups(*layers_[origin->layer].changes));
    const auto group = groups->find(origin->inode);
    return group == groups->end() ? std::vector<std::string>{} : group->second;
  }

 private:
  static std::vector<LayerView> views(const NamedChain& chain) {
    std::vector<LayerView> layers;
    for (const NamedLayer& layer : chain) layers.push_back({.changes = layer.changes, .open = {}});
    return layers;
  }
  const NamedChain& layers_;
  ChainView view_;
  std::map<std::size_t, std::optional<LinkGroups>> groups_;
};

/// The questions about one path that have another answer.
Questions differing(const Entry& before, const Entry& after) {
  if (before.type != after.type) return filetree::kAskedAnything;
  Questions asked = 0;
  const auto kind = [](const Entry& entry) {
    return std::tuple(entry.mode, entry.uid, entry.gid, entry.device_major, entry.device_minor, entry.size);
  };
  if (kind(before) != kind(after)) asked |= filetree::kAskedKind;
  if (before.size != after.size) asked |= filetree::kAskedMeta;
  if (before.content != after.content) asked |= filetree::kAskedContent;
  if (before.link != after.link) asked |= filetree::kAskedTarget;
  if (before.xattrs != after.xattrs) asked |= filetree::kAskedXattrs;
  return asked;
}

class Comparison {
 public:
  Comparison(const NamedChain& before, const NamedChain& after) : before_(before), after_(after) {}

  Result<void> add(const std::string& path, bool with_all_below) {
    const auto before = TRY(before_.lookup(path));
    const auto after = TRY(after_.lookup(path));
    TRY_VOID(compare(path, before, after));
    if (with_all_below) TRY_VOID(add_below(path, before, after));
    return {};
  }

  Observations finish() {
    Observations all;
    all.reserve(found_.size());
    for (auto& [path, questions] : found_) all.push_back({path, questions});
    return all;
  }

 private:
  Result<void> compare(const std::string& path, const std::optional<Entry>& before,
                       const std::optional<Entry>& after) {
    if (!before && !after) return {};
    Questions asked = before && after ? differing(*before, *after) : filetree::kAskedAnything;
    if (before && after && before->type == EntryType::kRegular && after->type == EntryType::kRegular) {
      const auto links_before = TRY(before_.links(path));
      const auto links_after = TRY(after_.links(path));
      if (links_before != links_after) asked |= filetree::kAskedMeta;
      if (links_before.empty() != links_after.empty()) asked |= filetree::kAskedKind;
      if (times_differ(*before, TRY(before_.step(path)), *after, TRY(after_.step(path))))
        asked |= filetree::kAskedContent;
    }
    if (asked != 0) found_[path] |= asked;
    const bool listed = before.has_value() != after.has_value() || (before && before->type != after->type);
    if (listed && !path.empty())
      found_[std::string(filetree::parent_path(path))] |= filetree::kAskedListing;
    return {};
  }

  Result<void> add_below(const std::string& path, const std::optional<Entry>& before,
                         const std::optional<Entry>& after) {
    std::set<std::string> names;
    const auto add_names = [&](const Side& side, const std::optional<Entry>& directory) -> Result<void> {
      if (!directory || directory->type != EntryType::kDirectory) return {};
      for (const Entry& child : TRY(side.list(path))) names.insert(child.path);
      return {};
    };
    TRY_VOID(add_names(before_, before));
    TRY_VOID(add_names(after_, after));
    for (const std::string& name : names) TRY_VOID(add(name, true));
    return {};
  }

  Side before_;
  Side after_;
  std::map<std::string, Questions> found_;
};

}  // namespace

Result<Observations> chain_difference(const NamedChain& before, const NamedChain& after) {
  TouchedPaths touched;
  for (const Gap& gap : gaps(before, after)) TRY_VOID(add_touched(gap, touched));
  Comparison comparison(before, after);
  std::optional<std::string> covered;
  for (const auto& [path, hides] : touched) {
    // Everything below a path that hides was compared with it.
    if (covered && filetree::is_within(path, *covered)) continue;
    TRY_VOID(comparison.add(path, hides));
    if (hides) covered = path;
  }
  return comparison.finish();
}

}  // namespace pgstrata::snapshot
