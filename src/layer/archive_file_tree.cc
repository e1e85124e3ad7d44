#include "layer/archive_file_tree.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace pgstrata::layer {
namespace {

using filetree::ChangeSet;
using filetree::Content;
using filetree::Entry;
using filetree::EntryType;

Result<oci::Digest> digest_of(const Content& content) {
  if (!content.fd) return oci::sha256(content.text);
  oci::Sha256 hash;
  std::array<std::byte, 65536> buffer;
  for (std::uint64_t done = 0; done < content.size;) {
    const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), content.size - done);
    const ssize_t count =
        ::pread(content.fd.get(), buffer.data(), wanted, static_cast<off_t>(content.offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      return fail(system_error("can't read the spooled archive", "", count < 0 ? errno : EIO));
    hash.update(std::span(buffer).first(static_cast<std::size_t>(count)));
    done += static_cast<std::uint64_t>(count);
  }
  return hash.finish();
}

bool path_is_less(const Entry& entry, std::string_view path) { return entry.path < path; }

}  // namespace

ArchiveFileTree::ArchiveFileTree(ChangeSet entries, snapshot::ContentOpener open, std::string name)
    : entries_(std::move(entries)), open_(std::move(open)), name_(std::move(name)) {}

Result<std::unique_ptr<ArchiveFileTree>> ArchiveFileTree::make(ArchiveTree archive, std::string name) {
  if (archive.entries.empty() || !archive.entries.front().path.empty()) {
    Entry root;
    root.type = EntryType::kDirectory;
    root.mode = 0755;
    archive.entries.insert(archive.entries.begin(), std::move(root));
  }
  for (Entry& entry : archive.entries) {
    entry.implied = false;
    if (entry.type != EntryType::kRegular) continue;
    const Content content = TRY(archive.open(entry));
    entry.content = TRY(digest_of(content));
  }
  return std::unique_ptr<ArchiveFileTree>(
      new ArchiveFileTree(std::move(archive.entries), std::move(archive.open), std::move(name)));
}

const Entry* ArchiveFileTree::find(std::string_view path) const {
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), path, path_is_less);
  return found != entries_.end() && found->path == path ? &*found : nullptr;
}

const Entry& ArchiveFileTree::file_of(const Entry& entry) const {
  return entry.type == EntryType::kHardLink ? *find(entry.link) : entry;
}

Result<std::optional<Entry>> ArchiveFileTree::lookup(std::string_view path) const {
  const Entry* found = find(path);
  if (found == nullptr) return std::nullopt;
  Entry entry = file_of(*found);
  entry.path = path;
  return entry;
}

Result<std::vector<Entry>> ArchiveFileTree::list(std::string_view directory) const {
  std::vector<Entry> children;
  for (const Entry& entry : entries_) {
    if (entry.path.empty() || filetree::parent_path(entry.path) != directory) continue;
    children.push_back(file_of(entry));
    children.back().path = entry.path;
  }
  return children;
}

Result<ChangeSet> ArchiveFileTree::walk(std::string_view path) const {
  if (find(path) == nullptr)
    return fail({.kind = ErrorKind::kNotFound, .what = "no such file", .where = std::string(path)});
  ChangeSet entries;
  std::map<const Entry*, std::string> first_names;
  for (const Entry& entry : entries_) {
    if (!filetree::is_within(entry.path, path)) continue;
    const Entry& file = file_of(entry);
    entries.push_back(file);
    entries.back().path = entry.path;
    if (file.type != EntryType::kRegular) continue;
    const auto [first, is_new] = first_names.try_emplace(&file, entry.path);
    if (is_new) continue;
    // Of a link's names only those of this walk count.
    Entry& link = entries.back();
    link.type = EntryType::kHardLink;
    link.link = first->second;
    link.size = link.tar_offset = 0;
    link.content = {};
    link.xattrs.clear();
  }
  return entries;
}

Result<Content> ArchiveFileTree::open(const Entry& entry) const {
  const Entry* found = find(entry.path);
  if (found == nullptr)
    return fail({.kind = ErrorKind::kNotFound, .what = "no such file", .where = entry.path});
  return open_(file_of(*found));
}

}  // namespace pgstrata::layer
