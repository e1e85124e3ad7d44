#include "context/build_context.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "context/local_directory.h"
#include "context/walk.h"

namespace pgstrata::context {

Result<std::unique_ptr<BuildContext>> BuildContext::open(Options options) {
  IgnorePatterns patterns = TRY(IgnorePatterns::parse(options.ignore_text, options.ignore_name));
  os::Fd root(::open(options.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) {
    const int code = errno;
    Error error = unreadable(options.directory, code);
    error.what = "can't open the build context";
    if (is_absent(code)) error.kind = ErrorKind::kUsage;
    error.next = code == EACCES ? "make it readable for the user who builds" : "name an existing directory";
    return fail(std::move(error));
  }
  return std::unique_ptr<BuildContext>(new BuildContext(std::move(options.directory), std::move(root),
                                                        std::move(patterns),
                                                        std::move(options.stat_cache_path)));
}

BuildContext::BuildContext(std::string directory, os::Fd root, IgnorePatterns patterns,
                           std::string stat_cache_path)
    : directory_(std::move(directory)),
      root_(std::move(root)),
      patterns_(std::move(patterns)),
      cache_(std::move(stat_cache_path)) {}

std::string BuildContext::shown(std::string_view path) const {
  return path.empty() ? directory_ : directory_ + "/" + std::string(path);
}

Result<std::optional<filetree::Entry>> BuildContext::lookup(std::string_view path) const {
  struct stat status {};
  if (path.empty()) {
    if (::fstat(root_.get(), &status) != 0) return fail(unreadable(directory_, errno));
    return make_entry("", status);
  }
  const std::string parent(filetree::parent_path(path));
  const auto scope = patterns_.scope_of(parent);
  if (!scope) return std::nullopt;
  const os::Fd fd = open_beneath(root_.get(), parent, O_PATH | O_DIRECTORY);
  const std::string name(filetree::base_name(path));
  if (!fd || ::fstatat(fd.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (is_absent(errno)) return std::nullopt;
    return fail(unreadable(shown(path), errno));
  }
  auto own_scope = patterns_.enter(path, *scope);
  if (own_scope.ignored()) {
    const bool may_show = S_ISDIR(status.st_mode) && patterns_.may_include_below(path);
    if (!may_show || !TRY(holds_included(std::string(path), own_scope))) return std::nullopt;
  }
  auto entry = make_entry(std::string(path), status);
  if (entry && entry->type == filetree::EntryType::kSymlink) {
    auto target = read_link(fd.get(), name.c_str());
    if (!target) return std::nullopt;
    entry->link = std::move(*target);
  }
  return entry;
}

// Whether something below an ignored directory is part of the context: then the directory is, too.
Result<bool> BuildContext::holds_included(const std::string& directory,
                                          const IgnorePatterns::Scope& scope) const {
  const os::Fd fd = open_beneath(root_.get(), directory, O_RDONLY | O_DIRECTORY);
  if (!fd && (is_absent(errno) || errno == EACCES)) return false;
  if (!fd) return fail(unreadable(shown(directory), errno));
  DirectoryNames names;
  TRY_VOID(names.read(fd.get(), shown(directory)));
  for (const DirectoryNames::Name& name : names.names()) {
    const std::string path = directory + "/" + name.text;
    const auto own_scope = patterns_.enter(path, scope);
    if (own_scope.ignored() && !patterns_.may_include_below(path)) continue;
    struct stat status {};
    if (::fstatat(fd.get(), name.text, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!own_scope.ignored() || (S_ISDIR(status.st_mode) && TRY(holds_included(path, own_scope))))
      return true;
  }
  return false;
}

Result<std::vector<filetree::Entry>> BuildContext::list(std::string_view directory) const {
  std::vector<filetree::Entry> children;
  const auto scope = patterns_.scope_of(directory);
  if (!scope) return children;
  const os::Fd fd = open_beneath(root_.get(), std::string(directory), O_RDONLY | O_DIRECTORY);
  if (!fd && is_absent(errno)) return children;
  if (!fd) return fail(unreadable(shown(directory), errno));
  DirectoryNames names;
  TRY_VOID(names.read(fd.get(), shown(directory)));
  for (const DirectoryNames::Name& name : names.names()) {
    std::string path(directory);
    if (!path.empty()) path += '/';
    path += name.text;
    if (auto entry = TRY(lookup(path))) children.push_back(std::move(*entry));
  }
  return children;
}

Result<filetree::ChangeSet> BuildContext::walk(std::string_view path) const {
  const WalkSource source{root_.get(), directory_, patterns_, cache_};
  WalkResult result = TRY(walk_tree(source, std::string(path)));
  {
    const std::lock_guard lock(mutex_);
    std::move(result.changes.begin(), result.changes.end(), std::back_inserter(changes_));
  }
  if (result.entries.empty())
    return fail({.kind = ErrorKind::kNotFound,
                 .what = "there is no such file or directory in the build context",
                 .where = shown(path),
                 .next = "check the name, and whether .dockerignore leaves it out"});
  return std::move(result.entries);
}

Result<filetree::Content> BuildContext::open(const filetree::Entry& entry) const {
  filetree::Content content;
  struct stat status {};
  content.fd = open_beneath(root_.get(), entry.path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!content.fd && errno == ENXIO) {  // a socket has nothing to read, and is an empty file here
    const os::Fd socket = open_beneath(root_.get(), entry.path, O_PATH | O_NOFOLLOW);
    if (socket && ::fstat(socket.get(), &status) == 0 && S_ISSOCK(status.st_mode) && entry.size == 0)
      return content;
    errno = ENXIO;
  }
  if (!content.fd || ::fstat(content.fd.get(), &status) != 0)
    return fail(unreadable(shown(entry.path), errno));
  content.size = static_cast<std::uint64_t>(status.st_size);
  if (!S_ISREG(status.st_mode) || content.size != entry.size ||
      FileStamp::of(status).mtime_ns != entry.mtime_ns)
    return fail({.kind = ErrorKind::kIo,
                 .what = "can't read the build context",
                 .where = shown(entry.path),
                 .why = "the file changed during the build",
                 .next = "build again when nothing writes to it, or name it in .dockerignore"});
  return content;
}

std::vector<ChangedPath> BuildContext::changed_paths() const {
  const std::lock_guard lock(mutex_);
  std::vector<ChangedPath> changes = changes_;
  std::sort(changes.begin(), changes.end());
  changes.erase(std::unique(changes.begin(), changes.end()), changes.end());
  return changes;
}

Result<void> BuildContext::save_stat_cache() { return cache_.save(); }

}  // namespace pgstrata::context
