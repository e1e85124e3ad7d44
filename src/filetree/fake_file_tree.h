// A FileTree in memory, for tests.
#pragma once

#include <map>
#include <string>

#include "filetree/file_tree.h"

namespace pgstrata::filetree {

/// Parents must be added before their children; the root always exists.
class FakeFileTree final : public FileTree {
 public:
  FakeFileTree() { directory("", 0755); }

  Entry& file(const std::string& path, const std::string& text, std::uint32_t mode = 0644) {
    Entry& entry = add(path, EntryType::kRegular, mode);
    entry.size = text.size();
    entry.content = oci::sha256(text);
    texts_[path] = text;
    return entry;
  }
  Entry& directory(const std::string& path, std::uint32_t mode = 0755) {
    return add(path, EntryType::kDirectory, mode);
  }
  Entry& symlink(const std::string& path, const std::string& target) {
    Entry& entry = add(path, EntryType::kSymlink, 0777);
    entry.link = target;
    return entry;
  }

  Result<std::optional<Entry>> lookup(std::string_view path) const override {
    const auto found = entries_.find(std::string(path));
    if (found == entries_.end()) return std::nullopt;
    return found->second;
  }
  Result<std::vector<Entry>> list(std::string_view directory) const override {
    std::vector<Entry> children;
    for (const auto& [path, entry] : entries_)
      if (!path.empty() && parent_path(path) == directory) children.push_back(entry);
    return children;
  }
  Result<ChangeSet> walk(std::string_view top) const override {
    ChangeSet found;
    const std::string below = top.empty() ? "" : std::string(top) + "/";
    for (const auto& [path, entry] : entries_)
      if (path == top || path.starts_with(below)) found.push_back(entry);
    return found;
  }
  Result<Content> open(const Entry& entry) const override {
    const std::string& text = texts_.at(entry.path);
    return Content{.fd = {}, .offset = 0, .size = text.size(), .text = text};
  }
  std::string name() const override { return "memory"; }

 private:
  Entry& add(const std::string& path, EntryType type, std::uint32_t mode) {
    Entry entry;
    entry.path = path;
    entry.type = type;
    entry.mode = mode;
    return entries_[path] = entry;
  }

  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> texts_;
};

}  // namespace pgstrata::filetree
