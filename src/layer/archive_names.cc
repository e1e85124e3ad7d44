#include "layer/archive_names.h"

#include <utility>

namespace pgstrata::layer {
namespace {

using filetree::ChangeSet;
using filetree::Entry;
using filetree::EntryType;

Error refused(const std::string& path, std::string why) {
  return {.kind = ErrorKind::kCorrupt,
          .what = "unsafe entry in an archive",
          .where = "/" + path,
          .why = std::move(why)};
}

}  // namespace

Result<void> ArchiveNames::add_parents(const std::string& path) {
  const std::string parent(filetree::parent_path(path));
  if (parent.empty()) return {};
  const auto known = names_.find(parent);
  if (known == names_.end()) {
    TRY_VOID(add_parents(parent));
    Entry directory{.path = parent, .type = EntryType::kDirectory, .implied = true, .mode = 0755};
    names_.emplace(parent, std::make_shared<Entry>(std::move(directory)));
    return {};
  }
  if (known->second->type == EntryType::kDirectory) return {};
  return fail(
      refused(path, "it lies below /" + parent + ", which is no directory (links aren't followed)"));
}

void ArchiveNames::remove_below(const std::string& path) {
  names_.erase(names_.lower_bound(path + "/"), names_.lower_bound(path + static_cast<char>('/' + 1)));
}

Result<void> ArchiveNames::add(TarReader& archive, Entry entry) {
  TRY_VOID(add_parents(entry.path));
  const auto known = names_.find(entry.path);
  const bool was_directory = known != names_.end() && known->second->type == EntryType::kDirectory;
  if (was_directory && entry.type != EntryType::kDirectory) remove_below(entry.path);
  if (entry.path.empty() && entry.type != EntryType::kDirectory)
    return fail(refused("", "the root is no directory"));
  if (entry.type == EntryType::kHardLink) {
    const auto target = names_.find(entry.link);
    if (target == names_.end() || target->second->type == EntryType::kDirectory)
      return fail(
          refused(entry.path, "it is a hard link to /" + entry.link + ", which is no file before it"));
    names_[entry.path] = target->second;
    return {};
  }
  if (entry.type == EntryType::kRegular) TRY_VOID(take_content_(archive, entry));
  auto& name = names_[entry.path];
  name = std::make_shared<Entry>(std::move(entry));
  return {};
}

ChangeSet ArchiveNames::take() {
  ChangeSet entries;
  entries.reserve(names_.size());
  std::map<const Entry*, std::string> first_name;
  for (auto& [path, file] : names_) {
    Entry entry = *file;
    entry.path = path;
    if (entry.type == EntryType::kRegular && file.use_count() > 1) {
      const auto [first, is_new] = first_name.try_emplace(file.get(), path);
      if (!is_new) {
        entry.type = EntryType::kHardLink;
        entry.link = first->second;
        entry.size = 0;
        entry.tar_offset = 0;
      }
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace pgstrata::layer
