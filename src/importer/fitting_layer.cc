#include "importer/fitting_layer.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "layer/tar_reader.h"

namespace pgstrata::importer {
namespace {

using filetree::Entry;
using filetree::EntryType;

/// As a parent that is missing everywhere is made.
bool is_usual(const Entry& entry) {
  return entry.mode == 0755 && entry.uid == 0 && entry.gid == 0 && entry.xattrs.empty();
}

bool has_attributes_of(const Entry& entry, const Entry& other) {
  return entry.mode == other.mode && entry.uid == other.uid && entry.gid == other.gid &&
         entry.xattrs == other.xattrs;
}

/// Directories that are others here, unless the tar itself has them.
Result<std::set<std::string>> doubtful(const snapshot::ChangeSetFile& layer,
                                       const filetree::FileTree& below) {
  std::set<std::string> found;
  std::vector<std::string> opaque;
  for (const Entry& entry : TRY(layer.read_all())) {
    if (entry.type != EntryType::kDirectory) continue;
    const bool is_hidden = std::any_of(opaque.begin(), opaque.end(), [&](const std::string& above) {
      return filetree::is_within(entry.path, above);
    });
    if (entry.opaque && !is_hidden) opaque.push_back(entry.path);
    std::optional<Entry> lower;
    if (!is_hidden) lower = TRY(below.lookup(entry.path));
    const bool is_same =
        lower && lower->type == EntryType::kDirectory ? has_attributes_of(entry, *lower) : is_usual(entry);
    if (!is_same) found.insert(entry.path);
  }
  return found;
}

}  // namespace

Result<bool> fits_on(const snapshot::ChangeSetFile& layer, const std::string& tar,
                     const filetree::FileTree& below) {
  std::set<std::string> open = TRY(doubtful(layer, below));
  if (open.empty()) return true;
  layer::TarReader archive = TRY(layer::TarReader::open(tar));
  while (const auto entry = TRY(archive.next()))
    if (entry->type == EntryType::kDirectory) open.erase(entry->path);
  return open.empty();
}

}  // namespace pgstrata::importer
