#include "layer/archive_tree.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "os/file.h"

namespace pgstrata::layer {
namespace {

using filetree::ChangeSet;
using filetree::Entry;
using filetree::EntryType;
using filetree::FileTree;

constexpr std::size_t kCopySize = 256 * 1024;
constexpr std::uint64_t kSpoolStart = 512;

Result<os::Fd> make_spool(const std::string& directory) {
  os::Fd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd) return fd;
  // Some file systems have no unnamed files.
  std::string name = directory + "/spool-XXXXXX";
  fd.reset(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return fail(system_error("can't make a temporary file", directory));
  ::unlink(name.c_str());
  return fd;
}

/// The contents of an archive, one behind the other in a file without a name.
class Spool {
 public:
  static Result<Spool> make(const std::string& directory) {
    os::Fd fd = TRY(make_spool(directory));
    if (::lseek(fd.get(), kSpoolStart, SEEK_SET) < 0)
      return fail(system_error("can't use the spool file", directory));
    return Spool(std::move(fd));
  }

  /// Takes the content of a regular file, whose entry the archive has just given.
  Result<void> take(TarReader& archive, Entry& entry);
  os::Fd release() { return std::move(fd_); }

 private:
  explicit Spool(os::Fd fd) : fd_(std::move(fd)), buffer_(kCopySize) {}

  os::Fd fd_;
  std::vector<std::byte> buffer_;
  /// Not 0, which would mean that a content is all of its file (snapshot/content.h).
  std::uint64_t spooled_ = kSpoolStart;
};

/// The names seen so far, and the files behind them: a file outlives the name it came under when another
/// name was linked to it.
class Tree {
 public:
  explicit Tree(Spool& spool) : spool_(spool) {}

  Result<void> add(TarReader& archive, Entry entry);
  ChangeSet take();

 private:
  Result<void> add_parents(const std::string& path);
  void remove_below(const std::string& path);

  Spool& spool_;
  std::map<std::string, std::shared_ptr<Entry>> names_;
};

Error refused(const std::string& path, std::string why) {
  return {.kind = ErrorKind::kCorrupt,
          .what = "unsafe entry in an archive",
          .where = "/" + path,
          .why = std::move(why)};
}

Result<void> Tree::add_parents(const std::string& path) {
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

void Tree::remove_below(const std::string& path) {
  names_.erase(names_.lower_bound(path + "/"), names_.lower_bound(path + static_cast<char>('/' + 1)));
}

Result<void> Spool::take(TarReader& archive, Entry& entry) {
  entry.tar_offset = spooled_;
  while (true) {
    const std::size_t size = TRY(archive.read(buffer_));
    if (size == 0) break;
    TRY_VOID(os::write_all(fd_.get(), std::span(buffer_).first(size), "the spool file"));
    spooled_ += size;
  }
  const std::uint64_t found = spooled_ - entry.tar_offset;
  if (found != entry.size)
    return fail(
        {.kind = ErrorKind::kCorrupt,
         .what = "a damaged archive",
         .where = "/" + entry.path,
         .why = "it promises " + std::to_string(entry.size) + " bytes and has " + std::to_string(found)});
  return {};
}

Result<void> Tree::add(TarReader& archive, Entry entry) {
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
  if (entry.type == EntryType::kRegular) TRY_VOID(spool_.take(archive, entry));
  auto& name = names_[entry.path];
  name = std::make_shared<Entry>(std::move(entry));
  return {};
}

ChangeSet Tree::take() {
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

  ChangeSet entries_;
  const FileTree& below_;
};

}  // namespace

Result<ArchiveTree> read_archive(TarReader archive, const std::string& spool_directory) {
  Spool spool = TRY(Spool::make(spool_directory));
  Tree tree(spool);
  while (true) {
    auto entry = TRY(archive.next());
    if (!entry) break;
    TRY_VOID(tree.add(archive, *std::move(entry)));
  }
  ArchiveTree result;
  result.entries = tree.take();
  result.open = snapshot::files_of_blob(spool.release());
  return result;
}

Result<ArchiveMembers> read_members(TarReader archive, const std::string& spool_directory) {
  Spool spool = TRY(Spool::make(spool_directory));
  ArchiveMembers result;
  while (true) {
    auto entry = TRY(archive.next());
    if (!entry) break;
    if (entry->type == EntryType::kRegular) TRY_VOID(spool.take(archive, *entry));
    result.members.push_back(*std::move(entry));
  }
  result.open = snapshot::files_of_blob(spool.release());
  return result;
}

Result<WrittenLayer> import_layer(TarReader archive, const FileTree& below, const ImportOptions& options,
                                  const ByteSink& sink) {
  ArchiveTree tree = TRY(read_archive(std::move(archive), options.spool_directory));
  ChangeSet changes = TRY(Canonical(std::move(tree.entries), below).run());
  return write_layer(std::move(changes), tree.open, {.source_date_epoch = options.source_date_epoch}, sink);
}

}  // namespace pgstrata::layer
