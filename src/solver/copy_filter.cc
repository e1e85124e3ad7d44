#include "solver/copy_filter.h"

#include <map>
#include <unordered_map>
#include <utility>

namespace pgstrata::solver {
namespace {

using context::IgnorePatterns;
using filetree::ChangeSet;
using filetree::Entry;
using filetree::EntryType;

/// A directory on the way: what the patterns said of it, for what lies below.
struct Directory {
  std::size_t index = 0;  ///< of its entry
  IgnorePatterns::Scope include;
  IgnorePatterns::Scope exclude;
};

/// The first link that is left to a file that is gone becomes the file, and the others link to it.
void mend_hard_links(ChangeSet& entries, const std::vector<bool>& kept) {
  std::unordered_map<std::string_view, std::size_t> gone;  // path → the entry that stands for it
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Entry& entry = entries[i];
    if (entry.type == EntryType::kRegular && !kept[i]) gone.emplace(entry.path, i);
    if (entry.type != EntryType::kHardLink || !kept[i]) continue;
    const auto file = gone.find(entry.link);
    if (file == gone.end()) continue;
    if (kept[file->second]) {
      entry.link = entries[file->second].path;
      continue;
    }
    std::string path = std::move(entry.path);
    entry = entries[file->second];
    entry.path = std::move(path);
    file->second = i;
  }
}

}  // namespace

Result<CopyFilter> CopyFilter::make(const std::vector<std::string>& include,
                                    const std::vector<std::string>& exclude) {
  CopyFilter filter;
  if (!include.empty()) filter.include_ = TRY(IgnorePatterns::of(include));
  filter.exclude_ = TRY(IgnorePatterns::of(exclude));
  return filter;
}

void CopyFilter::apply(ChangeSet& entries, std::string_view top) const {
  if (empty() || entries.empty()) return;
  const IgnorePatterns everything;
  const IgnorePatterns& include = include_ ? *include_ : everything;
  std::vector<bool> kept(entries.size(), false);
  std::map<std::string_view, Directory> walked;  // by path; those that are entered
  const auto keep = [&](std::size_t index) {
    while (!kept[index]) {
      kept[index] = true;
      if (entries[index].path == top) return;
      index = walked.at(filetree::parent_path(entries[index].path)).index;
    }
  };
  kept[0] = true;
  walked[entries[0].path] = {.index = 0, .include = include.root(), .exclude = exclude_.root()};
  for (std::size_t i = 1; i < entries.size(); ++i) {
    const std::string_view path = entries[i].path;
    const auto parent = walked.find(filetree::parent_path(path));
    if (parent == walked.end()) continue;
    const std::string_view below = top.empty() ? path : path.substr(top.size() + 1);
    Directory here{.index = i,
                   .include = include.enter(below, parent->second.include),
                   .exclude = exclude_.enter(below, parent->second.exclude)};
    const bool excluded = here.exclude.ignored();
    if ((!include_ || here.include.ignored()) && !excluded) keep(i);
    const bool is_entered = !excluded || exclude_.has_exceptions();
    if (entries[i].type == EntryType::kDirectory && is_entered) walked.emplace(path, std::move(here));
  }
  mend_hard_links(entries, kept);
  std::size_t next = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!kept[i]) continue;
    if (next != i) entries[next] = std::move(entries[i]);
    ++next;
  }
  entries.resize(next);
}

}  // namespace pgstrata::solver
