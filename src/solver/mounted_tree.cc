#include "solver/mounted_tree.h"

#include <fmt/format.h>

#include <algorithm>

namespace pgstrata::solver {

using filetree::Entry;
using filetree::EntryType;

MountedTree::MountedTree(const filetree::ChangeSet& entries, std::string_view top) {
  std::map<std::string, std::vector<std::string>> groups;
  const auto relative = [&](std::string_view path) {
    if (path == top) return std::string();
    return std::string(top.empty() ? path : path.substr(top.size() + 1));
  };
  for (const Entry& entry : entries) {
    Node node{.entry = entry, .links = {}};
    node.entry.path = relative(entry.path);
    if (entry.type == EntryType::kHardLink) {
      const std::string first = relative(entry.link);
      auto& names = groups[first];
      if (names.empty()) names.push_back(first);
      names.push_back(node.entry.path);
      const std::string path = node.entry.path;
      if (const auto target = nodes_.find(first); target != nodes_.end()) node.entry = target->second.entry;
      node.entry.path = path;
    }
    nodes_[node.entry.path] = std::move(node);
  }
  for (const auto& [first, names] : groups)
    for (const std::string& name : names) nodes_[name].links = names;
}

void MountedTree::add_listing(const std::string& directory, oci::KeyHasher& key) const {
  const std::string below = directory.empty() ? "" : directory + "/";
  for (auto node = nodes_.lower_bound(below); node != nodes_.end(); ++node) {
    const std::string& path = node->first;
    if (!path.starts_with(below)) break;
    if (path.empty() || path.find('/', below.size()) != std::string::npos) continue;
    key.add("name", path.substr(below.size()));
    key.add("type", static_cast<std::uint64_t>(node->second.entry.type));
  }
}

oci::Digest MountedTree::answer(const filetree::Observation& observation) const {
  oci::KeyHasher key("pgstrata.answer.v1");
  const auto asked = [&](filetree::Questions question) { return (observation.questions & question) != 0; };
  const auto found = nodes_.find(observation.path);
  if (observation.questions == 0) return key.finish();
  if (found == nodes_.end()) return key.add("absent", "").finish();
  const auto& [entry, links] = found->second;
  if (asked(filetree::kAskedAbsent | filetree::kAskedKind))
    key.add("type", static_cast<std::uint64_t>(entry.type));
  if (asked(filetree::kAskedKind)) {
    key.add("mode", std::uint64_t{entry.mode});
    key.add("uid", std::uint64_t{entry.uid}).add("gid", std::uint64_t{entry.gid});
    key.add("major", std::uint64_t{entry.device_major}).add("minor", std::uint64_t{entry.device_minor});
    key.add("size", entry.size).add("links", std::uint64_t{links.empty()});
  }
  if (asked(filetree::kAskedMeta)) {
    for (const std::string& name : links) key.add("link", name);
  }
  if (asked(filetree::kAskedContent)) key.add("content", entry.content);
  if (asked(filetree::kAskedTarget)) key.add("target", entry.link);
  if (asked(filetree::kAskedListing) && entry.type == EntryType::kDirectory)
    add_listing(observation.path, key);
  if (asked(filetree::kAskedXattrs))
    for (const auto& [name, value] : entry.xattrs) key.add("xattr", name).add("value", value);
  return key.finish();
}

std::string MountedTree::describe(const std::string& path) const {
  const auto found = nodes_.find(path);
  return solver::describe(found == nodes_.end() ? nullptr : &found->second.entry);
}

std::string describe(const Entry* entry) {
  if (entry == nullptr) return "absent";
  const std::string owner = fmt::format("mode {:o}, owner {}:{}", entry->mode, entry->uid, entry->gid);
  switch (entry->type) {
    case EntryType::kRegular:
    case EntryType::kHardLink:
      return fmt::format("a file of {} bytes ({}), {}", entry->size, entry->content.hex().substr(0, 12),
                         owner);
    case EntryType::kDirectory:
      return fmt::format("a directory, {}", owner);
    case EntryType::kSymlink:
      return fmt::format("a link to {}", entry->link);
    case EntryType::kCharDevice:
    case EntryType::kBlockDevice:
      return fmt::format("a device {}:{}, {}", entry->device_major, entry->device_minor, owner);
    case EntryType::kFifo:
      return fmt::format("a FIFO, {}", owner);
    case EntryType::kWhiteout:
      break;
  }
  return "absent";
}

}  // namespace pgstrata::solver
