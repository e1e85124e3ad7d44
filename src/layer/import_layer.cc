// Layers made elsewhere, on top of the layers they were made for.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "layer/archive_names.h"
#include "layer/archive_tree.h"
#include "layer/layer_in_place.h"
#include "os/file.h"

namespace pgstrata::layer {
namespace {

using filetree::ChangeSet;
using filetree::Entry;
using filetree::EntryType;
using filetree::FileTree;

/// What the .wh. names of an archive say.
struct Whiteouts {
  std::vector<std::string> paths;
  std::vector<std::string> opaque;
};

Whiteouts take_whiteouts(ChangeSet& entries) {
  constexpr std::string_view kPrefix = ".wh.";
  constexpr std::string_view kMetaPrefix = ".wh..wh.";
  Whiteouts found;
  const auto is_mark = [&](const Entry& entry) {
    const std::string_view name = filetree::base_name(entry.path);
    if (!name.starts_with(kPrefix))
      return entry.path.starts_with(kMetaPrefix) || entry.path.find("/.wh..wh.") != std::string::npos;
    const std::string parent(filetree::parent_path(entry.path));
    if (name == ".wh..wh..opq")
      found.opaque.push_back(parent);
    else if (!name.starts_with(kMetaPrefix) && name.size() > kPrefix.size())
      found.paths.push_back((parent.empty() ? "" : parent + "/") +
                            std::string(name.substr(kPrefix.size())));
    return true;
  };
  entries.erase(std::remove_if(entries.begin(), entries.end(), is_mark), entries.end());
  return found;
}

/// Brings an archive's entries into the form that a layer on top of `below` has.
class Canonical {
 public:
  Canonical(ChangeSet entries, const FileTree& below) : entries_(std::move(entries)), below_(below) {}

  /// What the archive says, all of it: marks that hide nothing stay, so that the result is the same on any
  /// other layers, missing parents aside.
  Result<ChangeSet> run_in_place() {
    const Whiteouts marks = take_whiteouts(entries_);
    for (const std::string& path : marks.opaque) TRY_VOID(mark_opaque(path));
    ChangeSet whiteouts;
    for (const std::string& path : marks.paths) {
      Entry* same = find(path);
      if (same == nullptr) whiteouts.push_back({.path = path, .type = EntryType::kWhiteout});
      if (same != nullptr && same->type == EntryType::kDirectory) same->opaque = true;
    }
    for (Entry& entry : entries_)
      if (entry.implied) TRY_VOID(settle_missing(entry));
    entries_.insert(entries_.end(), whiteouts.begin(), whiteouts.end());
    filetree::sort(entries_);
    const auto same_path = [](const Entry& a, const Entry& b) { return a.path == b.path; };
    entries_.erase(std::unique(entries_.begin(), entries_.end(), same_path), entries_.end());
    return std::move(entries_);
  }

  Result<ChangeSet> run() {
    const Whiteouts marks = take_whiteouts(entries_);
    for (const std::string& path : marks.opaque) TRY_VOID(mark_opaque(path));
    ChangeSet whiteouts;
    for (const std::string& path : marks.paths) {
      Entry* same = find(path);
      if (same != nullptr) {
        if (same->type == EntryType::kDirectory) same->opaque = true;
      } else if (TRY(visible_below(path))) {
        whiteouts.push_back({.path = path, .type = EntryType::kWhiteout});
      }
    }
    for (Entry& entry : entries_)
      if (entry.type == EntryType::kDirectory) TRY_VOID(settle(entry));
    entries_.insert(entries_.end(), whiteouts.begin(), whiteouts.end());
    filetree::sort(entries_);
    return std::move(entries_);
  }

 private:
  Entry* find(std::string_view path) {
    const auto is_less = [](const Entry& entry, std::string_view wanted) { return entry.path < wanted; };
    const auto found = std::lower_bound(entries_.begin(), entries_.end(), path, is_less);
    return found != entries_.end() && found->path == path ? &*found : nullptr;
  }

  Result<void> mark_opaque(const std::string& path) {
    Entry* directory = find(path);
    if (directory != nullptr && directory->type == EntryType::kDirectory) directory->opaque = true;
    return {};
  }

  /// Not if a directory of this layer hides it already.
  Result<bool> visible_below(std::string_view path) {
    for (std::string_view parent = filetree::parent_path(path);; parent = filetree::parent_path(parent)) {
      const Entry* entry = find(parent);
      if (entry != nullptr && (entry->opaque || entry->type != EntryType::kDirectory)) return false;
      if (parent.empty()) break;
    }
    const auto hidden = TRY(below_.lookup(path));
    return hidden.has_value();
  }

  /// Compares a directory with the one below.
  Result<void> settle(Entry& entry) {
    const bool is_missing = entry.implied;
    entry.implied = false;
    const bool parent_hides = !entry.path.empty() && !TRY(visible_below(entry.path));
    std::optional<Entry> lower;
    if (!parent_hides) lower = TRY(below_.lookup(entry.path));
    if (!lower || lower->type != EntryType::kDirectory) {
      entry.opaque = false;
      return {};
    }
    if (entry.opaque) {
      const std::vector<Entry> hidden = TRY(below_.list(entry.path));
      entry.opaque = !hidden.empty();
    }
    if (is_missing) {
      const bool opaque = entry.opaque;
      entry = *lower;
      entry.opaque = opaque;
    }
    entry.implied = !entry.opaque && entry.mode == lower->mode && entry.uid == lower->uid &&
                    entry.gid == lower->gid && entry.xattrs == lower->xattrs;
    return {};
  }

  /// A parent that the archive lacks.
  Result<void> settle_missing(Entry& entry) {
    std::optional<Entry> lower;
    if (TRY(visible_below(entry.path))) lower = TRY(below_.lookup(entry.path));
    const bool opaque = entry.opaque;
    if (lower && lower->type == EntryType::kDirectory) entry = *lower;
    entry.opaque = opaque;
    entry.implied = lower && lower->type == EntryType::kDirectory && !opaque;
    return {};
  }

  ChangeSet entries_;
  const FileTree& below_;
};

/// Reads contents where they lie, and compares: a reader of the change set will take them from there.
class InPlace {
 public:
  InPlace(os::Fd tar, EarlyFiles* early)
      : tar_(std::move(tar)), early_(early), read_(kReadSize), there_(kReadSize) {}

  [[nodiscard]] bool is_possible() const { return possible_; }

  Result<void> take(TarReader& archive, Entry& entry) {
    if (archive.is_sparse()) possible_ = false;
    if (!possible_) return {};
    entry.tar_offset = archive.content_offset();
    if (early_ != nullptr) early_->begin(entry);
    std::uint64_t found = 0;
    while (true) {
      const std::size_t size = TRY(archive.read(read_));
      if (size == 0) break;
      if (!is_at(entry.tar_offset + found, size)) possible_ = false;
      hash_.update(std::span(read_).first(size));
      if (early_ != nullptr) early_->write(std::span(read_).first(size));
      found += size;
    }
    entry.content = hash_.finish();
    if (early_ != nullptr) early_->end();
    if (found == entry.size) return {};
    return fail(
        {.kind = ErrorKind::kCorrupt,
         .what = "a damaged archive",
         .where = "/" + entry.path,
         .why = "it promises " + std::to_string(entry.size) + " bytes and has " + std::to_string(found)});
  }

 private:
  static constexpr std::size_t kReadSize = 256UL * 1024;

  bool is_at(std::uint64_t offset, std::size_t size) {
    std::size_t have = 0;
    while (have < size) {
      const ssize_t got =
          ::pread(tar_.get(), there_.data() + have, size - have, static_cast<off_t>(offset + have));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      have += static_cast<std::size_t>(got);
    }
    return std::memcmp(there_.data(), read_.data(), size) == 0;
  }

  os::Fd tar_;
  EarlyFiles* early_;
  std::vector<std::byte> read_;
  std::vector<std::byte> there_;
  oci::Sha256 hash_;
  bool possible_ = true;
};

}  // namespace

Result<WrittenLayer> import_layer(TarReader archive, const FileTree& below, const ImportOptions& options,
                                  const ByteSink& sink) {
  ArchiveTree tree = TRY(read_archive(std::move(archive), options.spool_directory));
  ChangeSet changes = TRY(Canonical(std::move(tree.entries), below).run());
  return write_layer(std::move(changes), tree.open, {.source_date_epoch = options.source_date_epoch}, sink);
}

namespace {

Result<std::optional<ChangeSet>> read_entries(TarReader archive, InPlace contents) {
  ArchiveNames names([&](TarReader& from, Entry& entry) { return contents.take(from, entry); });
  while (contents.is_possible()) {
    auto entry = TRY(archive.next());
    if (!entry) return names.take();
    TRY_VOID(names.add(archive, *std::move(entry)));
  }
  return std::nullopt;
}

}  // namespace

Result<std::optional<ChangeSet>> read_in_place(const std::string& tar) {
  TarReader archive = TRY(TarReader::open(tar));
  return read_entries(std::move(archive), InPlace(TRY(os::open(tar, O_RDONLY)), nullptr));
}

Result<std::optional<ChangeSet>> read_arriving(const std::string& tar, ArrivingTar& arriving,
                                               EarlyFiles* early) {
  TarReader archive =
      TRY(TarReader::open(tar, [&arriving](std::uint64_t beyond) { return arriving.wait_beyond(beyond); }));
  return read_entries(std::move(archive), InPlace(TRY(os::open(tar, O_RDONLY)), early));
}

Result<ChangeSet> changes_in_place(ChangeSet entries, const FileTree& below) {
  return Canonical(std::move(entries), below).run_in_place();
}

}  // namespace pgstrata::layer
