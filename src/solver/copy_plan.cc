#include "solver/copy_plan.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "filetree/resolve.h"
#include "layer/archive_tree.h"
#include "os/copy.h"
#include "os/file.h"
#include "snapshot/xattrs.h"
#include "solver/copy_filter.h"
#include "solver/file_mode.h"
#include "solver/unpacking.h"
#include "users/users.h"

namespace pgstrata::solver {
namespace {

using filetree::ChangeSet;
using filetree::Entry;
using filetree::EntryType;
using filetree::FileTree;

std::string join(std::string_view directory, std::string_view name) {
  if (directory.empty()) return std::string(name);
  if (name.empty()) return std::string(directory);
  std::string path;
  path.reserve(directory.size() + 1 + name.size());
  return path.append(directory).append(1, '/').append(name);
}

/// Room for the parents that finish() adds to a plan: growing one of 100,000 entries would copy them all.
constexpr size_t kImpliedParents = 16;

/// `path` as seen from `top`; "" for `top` itself.
std::string_view relative(std::string_view path, std::string_view top) {
  return top.empty() || path.size() == top.size() ? path.substr(top.size()) : path.substr(top.size() + 1);
}

/// Files of a tree by their paths in it; those it doesn't have are kNotFound.
snapshot::ContentOpener opener_of(const FileTree& tree) {
  return [&tree](const Entry& entry) -> Result<filetree::Content> {
    auto there = TRY(tree.lookup(entry.path));
    if (!there || there->type != EntryType::kRegular)
      return fail({.kind = ErrorKind::kNotFound, .what = "no such file", .where = entry.path});
    return tree.open(*there);
  };
}

/// `open`, for these files alone: what came from another source isn't in the archive.
snapshot::ContentOpener only(std::unordered_set<std::string> files, snapshot::ContentOpener open) {
  return
      [files = std::move(files), open = std::move(open)](const Entry& entry) -> Result<filetree::Content> {
        if (files.find(entry.path) == files.end())
          return fail({.kind = ErrorKind::kNotFound, .what = "no such file", .where = entry.path});
        return open(entry);
      };
}

/// A content that is a part of a file (a context that came as an archive), as a file of its own.
Result<filetree::Content> alone(const filetree::Content& part, const std::string& spool_directory) {
  filetree::Content whole{.fd = TRY(os::open(spool_directory, O_TMPFILE | O_RDWR, 0600)),
                          .size = part.size};
  TRY_VOID(os::copy_range(part.fd.get(), part.offset, part.size, whole.fd.get(), "the spool file"));
  if (::lseek(whole.fd.get(), 0, SEEK_SET) < 0) return fail(system_error("can't use the spool file", ""));
  return whole;
}

/// The archive that ADD unpacks instead of copying, if the source is one.
Result<std::optional<layer::ArchiveMembers>> archive_of(const FileTree& source, const Entry& entry,
                                                        const std::string& spool_directory) {
  if (entry.type != EntryType::kRegular) return std::nullopt;
  filetree::Content content = TRY(source.open(entry));
  if (content.fd && content.offset != 0) content = TRY(alone(content, spool_directory));
  if (!content.fd) return std::nullopt;
  if (!TRY(layer::is_tar(fmt::format("/proc/self/fd/{}", content.fd.get())))) return std::nullopt;
  auto archive = [&]() -> Result<layer::ArchiveMembers> {
    layer::TarReader reader = TRY(layer::TarReader::open(std::move(content.fd), entry.path));
    return layer::read_members(std::move(reader), spool_directory);
  }();
  if (archive || archive.error().kind != ErrorKind::kCorrupt) return archive;
  // Its name moves, to make room for the line of the Dockerfile.
  Error error = std::move(archive).error();
  error.what = fmt::format("{}: {}", std::exchange(error.where, {}), error.what);
  error.next = "make the archive anew; ADD --unpack=false copies it as it is";
  return fail(std::move(error));
}

/// Builds one plan: the destination's side of COPY, ADD and WORKDIR.
class Planner {
 public:
  Planner(const FileTree& below, const CopyOptions& options) : below_(below), options_(options) {}

  Result<void> set_owner(const std::optional<std::string>& chown) {
    if (!chown) return {};
    owner_ = TRY(users::resolve_owner(options_.has_stage ? &below_ : nullptr, *chown));
    if (!owner_->unknown.empty()) plan_.warning = owner_->unknown + ": root takes its place";
    return {};
  }
  Result<void> set_mode(const std::optional<std::string>& chmod) {
    if (chmod) mode_ = TRY(FileMode::parse(*chmod));
    return {};
  }

  /// mkdir -p; `path` has no links left in what exists of it.
  Result<void> make_directories(const std::string& path) {
    if (path.empty()) return {};
    const auto existing = TRY(standing_at(path, plan_.entries.size()));
    if (existing) {
      if (existing->type == EntryType::kDirectory) return {};
      return fail({.kind = ErrorKind::kBuildFailed,
                   .what = fmt::format("can't create the directory /{}", path),
                   .why = "there is a file of that name"});
    }
    TRY_VOID(make_directories(std::string(filetree::parent_path(path))));
    Entry directory;
    directory.path = path;
    directory.type = EntryType::kDirectory;
    directory.mode = mode_ ? mode_->of_parents() : 0755;
    directory.mtime_ns = options_.now_ns;
    if (owner_) directory.uid = owner_->uid;
    if (owner_) directory.gid = owner_->gid;
    plan_.entries.push_back(std::move(directory));
    return {};
  }

  /// Copies one selected tree to `target`.
  Result<void> copy_tree(const FileTree& source, Selected selected, const std::string& target) {
    const std::string& top = selected.top;
    const size_t start = plan_.entries.size();
    plan_.entries.reserve(start + selected.entries.size() + kImpliedParents);
    for (Entry& entry : selected.entries) {
      const bool is_top = entry.path == top;
      entry.path = join(target, relative(entry.path, top));
      if (entry.type == EntryType::kHardLink) entry.link = join(target, relative(entry.link, top));
      const auto existing = TRY(standing_at(entry.path, start));
      const bool stays = existing && existing->type == EntryType::kDirectory;
      if (is_top && entry.type == EntryType::kDirectory && (stays || !existing)) {
        TRY_VOID(make_directories(target));
        continue;
      }
      TRY_VOID(check_replacement(entry, existing));
      add(std::move(entry));
    }
    plan_.roots.push_back({.destination = target, .source = top, .open = opener_of(source)});
    return {};
  }

  /// ADD of an archive: its content goes into the directory `target`. --chmod is nothing to it.
  Result<void> add_archive(layer::ArchiveMembers archive, const std::string& target) {
    const std::optional<FileMode> mode = std::exchange(mode_, std::nullopt);
    TRY_VOID(make_directories(target));
    mode_ = mode;
    Unpacking unpacking(
        target,
        [this](std::string_view path) { return standing_at(std::string(path), plan_.entries.size()); },
        options_.now_ns);
    for (Entry& member : archive.members) TRY_VOID(unpacking.add(std::move(member), owner_));
    Unpacking::Unpacked unpacked = unpacking.take();
    for (const auto& [path, origin] : unpacked.from_stage)
      plan_.roots.push_back({.destination = path, .source = origin, .open = opener_of_standing(origin)});
    forget(unpacked.replaced);
    std::unordered_set<std::string> files;
    for (Entry& entry : unpacked.entries) {
      const bool is_here = entry.type == EntryType::kRegular && entry.tar_offset != 0;
      if (is_here) files.insert(entry.path);
      drop_attributes(entry);
      plan_.entries.push_back(std::move(entry));
    }
    plan_.roots.push_back({.destination = "", .source = "", .open = only(std::move(files), archive.open)});
    return {};
  }

  Result<void> add_inline(const graph::InlineFile& file, const std::string& target) {
    Entry entry;
    entry.path = target;
    entry.mode = 0644;
    entry.size = file.text.size();
    entry.content = oci::sha256(file.text);
    entry.mtime_ns = options_.now_ns;
    const auto existing = TRY(standing_at(target, plan_.entries.size()));
    TRY_VOID(check_replacement(entry, existing));
    add(std::move(entry));
    plan_.inline_files.push_back({.name = target, .text = file.text});
    return {};
  }

  Result<bool> is_directory(const std::string& path) {
    const auto existing = TRY(standing_at(path, plan_.entries.size()));
    return existing && existing->type == EntryType::kDirectory;
  }

  Result<CopyPlan> finish() {
    // Of several entries with one path the one that was copied last stands.
    const auto by_path = [](const Entry& a, const Entry& b) { return a.path < b.path; };
    auto& entries = plan_.entries;
    if (!std::is_sorted(entries.begin(), entries.end(), by_path))
      std::stable_sort(entries.begin(), entries.end(), by_path);
    const auto same_path = [](const Entry& a, const Entry& b) { return a.path == b.path; };
    const auto last_ones = std::unique(entries.rbegin(), entries.rend(), same_path);
    entries.erase(entries.begin(), last_ones.base());
    TRY_VOID(add_implied_parents(entries, below_, options_.now_ns));
    return std::move(plan_);
  }

 private:
  /// What stands at `path`: among the first `count` entries of the plan, or in the chain below.
  Result<std::optional<Entry>> standing_at(const std::string& path, size_t count) {
    for (; indexed_ < count; ++indexed_) index_[plan_.entries[indexed_].path] = indexed_;
    if (const auto found = index_.find(path); found != index_.end()) return plan_.entries[found->second];
    // Below what is missing everything is missing: a big new tree costs one look-up.
    if (missing_ && filetree::is_within(path, *missing_)) return std::nullopt;
    auto existing = TRY(below_.lookup(path));
    if (!existing) missing_ = path;
    return existing;
  }

  /// Of the file at `path`: an earlier source's, or else the stage's.
  snapshot::ContentOpener opener_of_standing(const std::string& path) const {
    if (index_.find(path) == index_.end()) return opener_of(below_);
    return [earlier = CopyPlan{.roots = plan_.roots}](const Entry& entry) { return earlier.open(entry); };
  }

  /// Drops from the plan what an archive has replaced.
  void forget(const std::set<std::string>& replaced) {
    if (replaced.empty()) return;
    const auto is_gone = [&](const Entry& entry) {
      return std::any_of(replaced.begin(), replaced.end(),
                         [&](const std::string& path) { return filetree::is_within(entry.path, path); });
    };
    auto& entries = plan_.entries;
    entries.erase(std::remove_if(entries.begin(), entries.end(), is_gone), entries.end());
    index_.clear();
    indexed_ = 0;
  }

  /// A file never replaces a directory, nor the other way round.
  static Result<void> check_replacement(const Entry& entry, const std::optional<Entry>& existing) {
    if (!existing) return {};
    const bool was_directory = existing->type == EntryType::kDirectory;
    const bool is_directory = entry.type == EntryType::kDirectory;
    if (was_directory == is_directory) return {};
    return fail({.kind = ErrorKind::kBuildFailed,
                 .what = fmt::format("can't copy to /{}", entry.path),
                 .why = was_directory ? "there is a directory of that name, and a file can't replace it"
                                      : "there is a file of that name, and a directory can't replace it"});
  }

  /// Those that no layer gets.
  static void drop_attributes(Entry& entry) {
    std::erase_if(entry.xattrs,
                  [](const filetree::Xattr& xattr) { return !snapshot::goes_into_layers(xattr.first); });
  }

  void add(Entry entry) {
    drop_attributes(entry);
    if (owner_) entry.uid = owner_->uid;
    if (owner_) entry.gid = owner_->gid;
    if (mode_ && entry.type != EntryType::kSymlink)
      entry.mode = mode_->apply(entry.mode, entry.type == EntryType::kDirectory);
    if (options_.epoch_ns && options_.from_context) entry.mtime_ns = *options_.epoch_ns;
    plan_.entries.push_back(std::move(entry));
  }

  const FileTree& below_;
  const CopyOptions& options_;
  std::optional<users::Owner> owner_;
  std::optional<FileMode> mode_;
  CopyPlan plan_;
  std::unordered_map<std::string, size_t> index_;  ///< path → position, of the first `indexed_` entries
  size_t indexed_ = 0;
  std::optional<std::string> missing_;  ///< a path that the chain below doesn't have
};

tl::unexpected<Error> no_such_source(const std::string& pattern, const FileTree& source) {
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("\"{}\" selects nothing in {}", pattern, source.name()),
               .next = "check the path, and that .dockerignore doesn't exclude it"});
}

/// COPY --parents: what comes before "/./" isn't recreated at the destination; what comes after it is a
/// pattern.
std::pair<std::string, std::string> split_at_pivot(const std::string& source) {
  const std::size_t pivot = source.find("/./");
  if (pivot == std::string::npos) return {"/", filetree::clean(source)};
  return {source.substr(0, pivot), filetree::clean(source.substr(pivot + 3))};
}

}  // namespace

Result<filetree::Content> CopyPlan::open(const Entry& entry) const {
  for (const graph::InlineFile& file : inline_files)
    if (file.name == entry.path)
      return filetree::Content{.fd = {}, .offset = 0, .size = file.text.size(), .text = file.text};
  for (auto root = roots.rbegin(); root != roots.rend(); ++root) {
    if (!filetree::is_within(entry.path, root->destination)) continue;
    Entry original = entry;
    original.path = join(root->source, relative(entry.path, root->destination));
    auto content = root->open(original);
    // An earlier source's file, below the same destination, isn't in a later source.
    if (content || content.error().kind != ErrorKind::kNotFound) return content;
  }
  return fail({.kind = ErrorKind::kIo, .what = "a file vanished while it was copied", .where = entry.path});
}

Result<std::vector<Selected>> select_sources(const graph::CopyAction& action, const FileTree& source) {
  std::vector<Selected> selected;
  for (std::size_t number = 0; number < action.sources.size(); ++number) {
    const std::string& pattern = action.sources[number];
    const auto [directory, below] =
        action.parents ? split_at_pivot(pattern) : std::pair(pattern, std::string());
    const CopyFilter filter = TRY(
        CopyFilter::make(action.parents ? std::vector{below} : std::vector<std::string>(), action.exclude));
    const auto matches = TRY(filetree::glob(source, directory));
    if (matches.empty() && filetree::has_glob(directory)) continue;
    if (matches.empty()) return no_such_source(pattern, source);
    // What has no wildcard has to be there, and not behind a link; all of a directory, "." or "x/./", never
    // is.
    bool found = !action.parents || filetree::has_glob(pattern);
    // Dots behind the pivot stay below it; but of a context that asks for another path, which isn't it.
    const std::string whole = filetree::clean(directory + "/" + below);
    const bool is_asked =
        !std::holds_alternative<graph::LocalInput>(action.from) || whole == filetree::clean(pattern);
    if (!found && !below.empty() && is_asked) found = TRY(source.lookup(whole)).has_value();
    for (const std::string& match : matches) {
      Selected& item = selected.emplace_back();
      item.path = match;
      item.source = number;
      item.unpack = action.unpack;
      item.top = TRY(filetree::resolve(source, match, filetree::FinalLink::kFollow));
      item.entries = TRY(source.walk(item.top));
      if (item.entries.empty()) return no_such_source(pattern, source);
      // A pattern is for what a directory holds: BuildKit leaves out a file that a wildcard before the
      // pivot finds, of the context as of a stage; "x*/./" has no pattern, and takes the file.
      if (action.parents && item.entries.front().type != EntryType::kDirectory) {
        if (!below.empty()) selected.pop_back();
        continue;
      }
      filter.apply(item.entries, item.top);
    }
    if (!found) return no_such_source(pattern, source);
  }
  return selected;
}

Result<oci::Digest> source_digest(const graph::CopyAction& action, const std::vector<Selected>& selected) {
  std::optional<FileMode> mode;
  if (action.chmod) mode = TRY(FileMode::parse(*action.chmod));
  oci::KeyHasher key("pgstrata.copy-source.v1");
  for (const Selected& item : selected) {
    // The name decides where a file lands; a directory's own name plays no part.
    const bool is_directory = item.entries.front().type == EntryType::kDirectory;
    key.add("name", is_directory ? "" : filetree::base_name(item.path));
    filetree::ChangeSetHasher entries;
    Entry entry;
    for (const Entry& original : item.entries) {
      entry = original;
      entry.path = relative(original.path, item.top);
      if (entry.type == EntryType::kHardLink) entry.link = relative(original.link, item.top);
      if (action.chown) entry.uid = entry.gid = 0;
      if (mode && entry.type != EntryType::kSymlink)
        entry.mode = mode->apply(entry.mode, entry.type == EntryType::kDirectory);
      entries.add(entry);
    }
    key.add("entries", entries.finish());
  }
  return key.finish();
}

Result<CopyPlan> plan_copy(const graph::CopyAction& action, const FileTree& source,
                           std::vector<Selected> selected, const FileTree& below,
                           const CopyOptions& options) {
  Planner planner(below, options);
  TRY_VOID(planner.set_owner(action.chown));
  TRY_VOID(planner.set_mode(action.chmod));
  if (selected.empty() && action.inline_files.empty()) return planner.finish();  // not even the destination
  const std::string destination =
      TRY(filetree::resolve(below, action.destination, filetree::FinalLink::kFollow));
  const bool names_directory =
      action.destination.ends_with('/') || action.destination.ends_with("/.") || destination.empty();
  const std::string needed =
      names_directory ? destination : std::string(filetree::parent_path(destination));
  for (Selected& item : selected) {
    const FileTree& tree = item.tree != nullptr ? *item.tree : source;
    if (item.unpack) {
      auto archive = TRY(archive_of(tree, item.entries.front(), options.spool_directory));
      if (archive) {
        TRY_VOID(planner.add_archive(std::move(*archive), destination));
        continue;
      }
    }
    TRY_VOID(planner.make_directories(needed));
    const bool content_only = item.entries.front().type == EntryType::kDirectory;
    const bool into_directory =
        !content_only && (names_directory || TRY(planner.is_directory(destination)));
    const std::string target =
        into_directory ? join(destination, filetree::base_name(item.path)) : destination;
    TRY_VOID(planner.copy_tree(tree, std::move(item), target));
  }
  for (const graph::InlineFile& file : action.inline_files) {
    TRY_VOID(planner.make_directories(needed));
    const bool into_directory = names_directory || TRY(planner.is_directory(destination));
    TRY_VOID(planner.add_inline(file, into_directory ? join(destination, file.name) : destination));
  }
  return planner.finish();
}

Result<CopyPlan> plan_directory(const graph::MakeDirectory& action, const FileTree& below,
                                const CopyOptions& options) {
  Planner planner(below, options);
  // BuildKit gives a WORKDIR that it has to make to the stage's user.
  if (!action.user.empty()) TRY_VOID(planner.set_owner(action.user));
  const std::string path = TRY(filetree::resolve(below, action.path, filetree::FinalLink::kFollow));
  TRY_VOID(planner.make_directories(path));
  return planner.finish();
}

Result<void> add_implied_parents(ChangeSet& entries, const FileTree& below, std::int64_t now_ns) {
  std::set<std::string, std::less<>> known;
  ChangeSet implied;
  for (const Entry& entry : entries)
    if (entry.type == EntryType::kDirectory) known.insert(entry.path);
  for (const Entry& entry : entries) {
    std::string_view path = entry.path;
    while (!path.empty()) {
      path = filetree::parent_path(path);
      if (known.find(path) != known.end()) break;
      known.emplace(path);
      auto directory = TRY(below.lookup(path));
      if (!directory || directory->type != EntryType::kDirectory) {
        if (!path.empty())
          return fail(
              {.kind = ErrorKind::kIo, .what = "a parent directory is missing", .where = entry.path});
        directory.emplace();
        directory->type = EntryType::kDirectory;
        directory->mode = 0755;
      }
      directory->implied = true;
      directory->opaque = false;
      directory->mtime_ns = now_ns;
      implied.push_back(std::move(*directory));
    }
  }
  if (implied.empty()) return {};
  filetree::sort(implied);
  const auto size = static_cast<std::ptrdiff_t>(entries.size());
  entries.insert(entries.end(), std::make_move_iterator(implied.begin()),
                 std::make_move_iterator(implied.end()));
  std::inplace_merge(entries.begin(), entries.begin() + size, entries.end(),
                     [](const Entry& one, const Entry& other) { return one.path < other.path; });
  return {};
}

}  // namespace pgstrata::solver
