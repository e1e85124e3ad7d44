#include "filetree/entry.h"

#include <algorithm>

namespace pgstrata::filetree {
namespace {

// Enough for the hash to run at full speed, small enough for the first-level cache.
constexpr std::size_t kFlushAt = 16 * 1024;

void add_number(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

void add_text(std::string& out, std::string_view text) {
  add_number(out, text.size());
  out += text;
}

// Every variable part is preceded by its length and the type decides which parts follow, so that two
// different lists of entries can't run together into the same bytes. A whiteout says that a path is
// absent and nothing else; whatever mode its container had (0/0 device, ".wh." file) isn't part of it.
void add_entry(std::string& out, const Entry& entry) {
  out += static_cast<char>(entry.type);
  add_text(out, entry.path);
  if (entry.type == EntryType::kWhiteout) return;
  out += entry.opaque ? '\1' : '\0';
  add_number(out, entry.mode);
  add_number(out, entry.uid);
  add_number(out, entry.gid);
  switch (entry.type) {
    case EntryType::kRegular:
      add_number(out, entry.size);
      out.append(reinterpret_cast<const char*>(entry.content.bytes.data()), entry.content.bytes.size());
      break;
    case EntryType::kSymlink:
    case EntryType::kHardLink:
      add_text(out, entry.link);
      break;
    case EntryType::kCharDevice:
    case EntryType::kBlockDevice:
      add_number(out, entry.device_major);
      add_number(out, entry.device_minor);
      break;
    case EntryType::kDirectory:
    case EntryType::kFifo:
    case EntryType::kWhiteout:
      break;
  }
  add_number(out, entry.xattrs.size());
  for (const auto& [name, value] : entry.xattrs) {
    add_text(out, name);
    add_text(out, value);
  }
}

}  // namespace

void sort(ChangeSet& changes) {
  const auto by_path = [](const Entry& a, const Entry& b) { return a.path < b.path; };
  if (!std::is_sorted(changes.begin(), changes.end(), by_path))
    std::stable_sort(changes.begin(), changes.end(), by_path);
}

ChangeSetHasher::ChangeSetHasher() {
  pending_.reserve(2 * kFlushAt);
  add_text(pending_, "pgstrata.change-set.v1");
}

void ChangeSetHasher::add(const Entry& entry) {
  add_entry(pending_, entry);
  if (pending_.size() < kFlushAt) return;
  hash_.update(pending_);
  pending_.clear();
}

oci::Digest ChangeSetHasher::finish() { return hash_.update(pending_).finish(); }

oci::Digest change_set_digest(std::span<const Entry> changes) {
  ChangeSetHasher hasher;
  for (const Entry& entry : changes) hasher.add(entry);
  return hasher.finish();
}

std::string_view parent_path(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view base_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool is_within(std::string_view path, std::string_view top) {
  return top.empty() || path == top ||
         (path.size() > top.size() && path.starts_with(top) && path[top.size()] == '/');
}

}  // namespace pgstrata::filetree
