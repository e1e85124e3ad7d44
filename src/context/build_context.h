// BuildContext: a local directory as a FileTree, without what .dockerignore leaves out.
//
// As in BuildKit (tonistiigi/fsutil), entries belong to root, keep their modes and mtimes, FIFOs and
// devices stay what they are, sockets are empty files, and of several hard links in one walk the later ones
// are links to the first. Attributes: see read_xattrs() in local_directory.h.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "context/changes.h"
#include "context/ignore.h"
#include "context/stat_cache.h"
#include "core/result.h"
#include "filetree/file_tree.h"
#include "os/fd.h"

namespace pgstrata::context {

/// Methods may be called from several threads. No thread of its own is left when one returns.
class BuildContext final : public filetree::FileTree {
 public:
  struct Options {
    std::string directory;
    std::string ignore_text = {};      ///< what the .dockerignore file says
    std::string ignore_name = {};      ///< its name, for error messages
    std::string stat_cache_path = {};  ///< the cache file for this directory; empty: keep nothing
  };
  /// Reads nothing but the index of the cache. kUsage if there is no such directory or a pattern is wrong.
  static Result<std::unique_ptr<BuildContext>> open(Options options);

  /// Ignored paths don't exist; an ignored directory with something included below it does. lookup() and
  /// list() leave out extended attributes, as they do content digests.
  [[nodiscard]] Result<std::optional<filetree::Entry>> lookup(std::string_view path) const override;
  [[nodiscard]] Result<std::vector<filetree::Entry>> list(std::string_view directory) const override;
  /// kNotFound if there is nothing at `path`; kUsage for a file or directory that can't be read. Uses up to
  /// four threads when there is much to do.
  [[nodiscard]] Result<filetree::ChangeSet> walk(std::string_view path) const override;
  /// kIo if the file isn't the one (size, mtime) that `entry` was made of.
  [[nodiscard]] Result<filetree::Content> open(const filetree::Entry& entry) const override;
  [[nodiscard]] std::string name() const override { return directory_; }
  [[nodiscard]] const IgnorePatterns& ignore_patterns() const { return patterns_; }

  /// What the walks so far found different from the last saved cache, sorted; empty if there was none.
  [[nodiscard]] std::vector<ChangedPath> changed_paths() const;
  /// Writes what the walks have learned, if anything. Call it once, when the build is done with the
  /// context.
  Result<void> save_stat_cache();

 private:
  BuildContext(std::string directory, os::Fd root, IgnorePatterns patterns, std::string stat_cache_path);

  [[nodiscard]] std::string shown(std::string_view path) const;
  [[nodiscard]] Result<bool> holds_included(const std::string& directory,
                                            const IgnorePatterns::Scope& scope) const;

  const std::string directory_;
  const os::Fd root_;
  const IgnorePatterns patterns_;
  mutable StatCache cache_;
  mutable std::mutex mutex_;
  mutable std::vector<ChangedPath> changes_;
};

}  // namespace pgstrata::context
