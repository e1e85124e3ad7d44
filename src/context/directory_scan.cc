#include "context/directory_scan.h"

#include <fcntl.h>

#include <cerrno>

namespace pgstrata::context {
namespace {

std::string child_path(const std::string& directory, std::string_view name) {
  std::string path;
  path.reserve(directory.size() + 1 + name.size());
  path = directory;
  if (!path.empty()) path += '/';
  return path += name;
}

// What a person would call the difference between what was known of a path and what it is now.
std::optional<ChangeKind> difference(const KnownFile& before, const KnownFile& now) {
  if ((before.stamp.mode & S_IFMT) != (now.stamp.mode & S_IFMT)) return ChangeKind::kContent;
  if (before.content != now.content) return ChangeKind::kContent;
  if (before.stamp.mode != now.stamp.mode) return ChangeKind::kMetadata;
  // The values aren't kept, but a change of one moves the ctime.
  const bool xattrs = before.has_xattrs || now.has_xattrs;
  if (before.has_xattrs != now.has_xattrs) return ChangeKind::kMetadata;
  return xattrs && before.stamp.ctime_ns != now.stamp.ctime_ns && S_ISREG(now.stamp.mode)
             ? std::optional(ChangeKind::kMetadata)
             : std::nullopt;
}

std::vector<filetree::Xattr> directory_xattrs(int parent, const char* name) {
  const os::Fd fd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return fd ? read_xattrs(fd.get()) : std::vector<filetree::Xattr>();
}

}  // namespace

/// The state of one directory's scan.
struct DirectoryScan::Visit {
  os::Fd fd;
  std::shared_ptr<const CacheBlock> block;  ///< what was known, or null
  std::size_t next = 0;                     ///< the first name in it that may still come
  std::vector<std::uint32_t> kept;          ///< its records that are still right, ascending
  std::vector<CacheRecord> fresh;           ///< new ones, sorted by name

  /// Moves on to `name`; its index, or size() if it isn't known.
  std::size_t advance_to(std::string_view name) {
    if (block == nullptr) return 0;
    while (next < block->size() && block->name(next) < name) ++next;
    return next < block->size() && block->name(next) == name ? next : block->size();
  }
  [[nodiscard]] bool knows(std::size_t i) const { return block != nullptr && i < block->size(); }
};

std::string DirectoryScan::shown(const std::string& path) const {
  return path.empty() ? source_.directory : source_.directory + "/" + path;
}

Result<void> DirectoryScan::scan(ScannedDirectory& directory) {
  Visit visit{.fd = open_beneath(source_.root, directory.path, O_RDONLY | O_DIRECTORY)};
  if (!visit.fd) {
    // Gone since it was listed, or ignored and closed: then nobody wants to know what is in it.
    if (is_absent(errno) || (directory.scope.ignored() && errno == EACCES)) {
      directory.visible = false;
      return {};
    }
    return fail(unreadable(shown(directory.path), errno));
  }
  TRY_VOID(names_.read(visit.fd.get(), shown(directory.path)));
  visit.block = source_.cache.directory(directory.path);
  directory.entries.reserve(names_.names().size());
  for (const DirectoryNames::Name& name : names_.names()) TRY_VOID(this->visit(visit, directory, name));
  entry_count_ += directory.entries.size();
  const bool same = visit.fresh.empty() && visit.block != nullptr && visit.block->complete() &&
                    visit.kept.size() == visit.block->size();
  if (!same) update_cache(visit, directory.path, /*whole=*/true);
  return {};
}

Result<void> DirectoryScan::visit(Visit& visit, ScannedDirectory& directory,
                                  const DirectoryNames::Name& name) {
  std::string path = child_path(directory.path, name.view());
  const bool ignored = !source_.patterns.empty() && source_.patterns.ignores(path, directory.scope);
  if (ignored && (!name.may_be_directory || !source_.patterns.may_include_below(path))) return {};

  struct stat status {};
  if (::fstatat(visit.fd.get(), name.text, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (is_absent(errno)) return {};
    return fail(unreadable(shown(path), errno));
  }
  const bool is_directory = S_ISDIR(status.st_mode);
  if (ignored && !is_directory) return {};
  auto entry = make_entry(std::move(path), status);
  if (!entry) return {};
  const auto index = static_cast<std::uint32_t>(directory.entries.size());
  if (is_directory)
    directory.below.push_back(
        {.entry = index, .scope = source_.patterns.enter(entry->path, directory.scope)});
  if (ignored) {
    // Perhaps not part of the context after all, so the cache needn't know it.
    entry->xattrs = directory_xattrs(visit.fd.get(), name.text);
  } else if (!TRY(fill(visit, name.view(), name.text, status, *entry))) {
    if (is_directory) directory.below.pop_back();
    return {};
  }
  if (S_ISREG(status.st_mode) && status.st_nlink > 1)
    directory.linked.push_back({index, status.st_dev, status.st_ino});
  directory.entries.push_back(std::move(*entry));
  return {};
}

// Completes the entry of one name from the cache or from the file, and notes which. False if the file is
// gone or has become something else meanwhile.
Result<bool> DirectoryScan::fill(Visit& visit, std::string_view name, const char* text, struct stat& status,
                                 filetree::Entry& entry) {
  if (S_ISLNK(status.st_mode)) {
    auto target = read_link(visit.fd.get(), text);
    if (!target) return false;
    entry.link = std::move(*target);
  }
  if (S_ISSOCK(status.st_mode)) entry.content = oci::sha256("");
  const std::size_t at = visit.advance_to(name);
  if (visit.knows(at)) {
    const KnownFile known = visit.block->file(at);
    if (!known.racy && known.stamp == FileStamp::of(status) &&
        (!known.has_xattrs || take_xattrs(visit, text, known.stamp, entry))) {
      if (S_ISREG(status.st_mode)) entry.content = known.content;
      visit.kept.push_back(static_cast<std::uint32_t>(at));
      return true;
    }
  }
  KnownFile learned;
  if (!TRY(learn(visit, text, status, entry, learned))) return false;
  if (visit.knows(at) && visit.block->file(at) == learned)
    visit.kept.push_back(static_cast<std::uint32_t>(at));
  else
    visit.fresh.push_back({std::string(name), learned});
  return true;
}

// Reads the attributes of a file whose content is known. False if it isn't that file any more.
bool DirectoryScan::take_xattrs(const Visit& visit, const char* text, const FileStamp& stamp,
                                filetree::Entry& entry) {
  const os::Fd fd(
      ::openat(visit.fd.get(), text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) return false;
  entry.xattrs = read_xattrs(fd.get());
  struct stat status {};
  return ::fstat(fd.get(), &status) == 0 && FileStamp::of(status) == stamp;
}

// Reads what the cache can't tell. `status` and the entry become those of the file that was read.
Result<bool> DirectoryScan::learn(Visit& visit, const char* text, struct stat& status,
                                  filetree::Entry& entry, KnownFile& known) {
  std::int64_t began_ns = coarse_now_ns();
  if (S_ISREG(status.st_mode)) {
    auto hashed = TRY(hasher_.hash(visit.fd.get(), text, shown(entry.path)));
    if (!hashed) return false;
    status = hashed->status;
    began_ns = hashed->began_ns;
    entry = make_entry(std::move(entry.path), status).value_or(filetree::Entry());
    entry.content = hashed->content;
    entry.xattrs = std::move(hashed->xattrs);
    known.content = entry.content;
  } else if (S_ISDIR(status.st_mode)) {
    entry.xattrs = directory_xattrs(visit.fd.get(), text);
  } else if (S_ISLNK(status.st_mode)) {
    known.content = oci::sha256(entry.link);
  }
  known.stamp = FileStamp::of(status);
  known.has_xattrs = !entry.xattrs.empty();
  known.racy = is_racy(known.stamp.ctime_ns, began_ns);
  return true;
}

// Merges the old records with the new ones. `whole`: every child of the directory was seen, so what was
// neither kept nor learned again is gone.
void DirectoryScan::update_cache(Visit& visit, const std::string& path, bool whole) {
  std::vector<CacheRecord> records;
  auto kept = visit.kept.begin();
  auto fresh = visit.fresh.begin();
  const auto changed = [&](std::string_view name, ChangeKind kind) {
    changes_.push_back({child_path(path, name), kind});
  };
  const auto take_fresh = [&] { records.push_back(std::move(*fresh++)); };
  const auto take_new = [&] {
    if (visit.block != nullptr && visit.block->complete()) changed(fresh->name, ChangeKind::kAppeared);
    take_fresh();
  };
  const std::size_t known_count = visit.block == nullptr ? 0 : visit.block->size();
  records.reserve(known_count + visit.fresh.size());
  for (std::size_t i = 0; i < known_count; ++i) {
    const std::string_view name = visit.block->name(i);
    while (fresh != visit.fresh.end() && fresh->name < name) take_new();
    const bool is_kept = kept != visit.kept.end() && *kept == i;
    if (is_kept) ++kept;
    if (fresh != visit.fresh.end() && fresh->name == name) {
      if (const auto kind = difference(visit.block->file(i), fresh->file)) changed(name, *kind);
      take_fresh();
    } else if (is_kept || !whole) {
      records.push_back({std::string(name), visit.block->file(i)});
    } else {
      changed(name, ChangeKind::kVanished);
    }
  }
  while (fresh != visit.fresh.end()) take_new();
  const bool complete = whole || (visit.block != nullptr && visit.block->complete());
  source_.cache.replace(path, CacheBlock::encode(records, complete));
}

Result<std::optional<filetree::Entry>> DirectoryScan::scan_file(const std::string& path) {
  const std::string parent(filetree::parent_path(path));
  const std::string name(filetree::base_name(path));
  Visit visit{.fd = open_beneath(source_.root, parent, O_PATH | O_DIRECTORY)};
  struct stat status {};
  if (!visit.fd || ::fstatat(visit.fd.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (is_absent(errno)) return std::nullopt;
    return fail(unreadable(shown(path), errno));
  }
  auto entry = make_entry(path, status);
  if (!entry || entry->type == filetree::EntryType::kDirectory) return std::nullopt;
  visit.block = source_.cache.directory(parent);
  if (!TRY(fill(visit, name, name.c_str(), status, *entry))) return std::nullopt;
  if (!visit.fresh.empty()) update_cache(visit, parent, /*whole=*/false);
  ++entry_count_;
  return entry;
}

}  // namespace pgstrata::context
