// DirectoryScan: one directory of a walk. It lists the directory, leaves out what is ignored, takes digests
// from the stat cache or hashes, and puts what is new into the cache.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "context/changes.h"
#include "context/ignore.h"
#include "context/local_directory.h"
#include "context/stat_cache.h"
#include "core/result.h"
#include "filetree/entry.h"

namespace pgstrata::context {

/// What all scans of a walk share.
struct WalkSource {
  int root;                      ///< the context's directory
  const std::string& directory;  ///< its name, for error messages
  const IgnorePatterns& patterns;
  StatCache& cache;
};

/// A directory of the walk, and what was found in it.
struct ScannedDirectory {
  std::string path;
  IgnorePatterns::Scope scope;
  ScannedDirectory* parent = nullptr;
  bool visible =
      true;  ///< false: ignored itself, or vanished meanwhile; counts if something below is visible

  std::vector<filetree::Entry> entries;  ///< sorted by name; those of ignored directories among them
  struct Below {
    std::uint32_t entry;  ///< index into entries
    IgnorePatterns::Scope scope;
    ScannedDirectory* directory = nullptr;
  };
  std::vector<Below> below;  ///< the directories among the entries
  struct Linked {
    std::uint32_t entry;
    std::uint64_t device;
    std::uint64_t inode;
  };
  std::vector<Linked> linked;  ///< the regular files among the entries with several links
};

/// Scans directories one after the other; one per thread.
class DirectoryScan {
 public:
  explicit DirectoryScan(const WalkSource& source) : source_(source) {}

  /// Fills `entries`, `below` (not the pointers) and `linked`.
  Result<void> scan(ScannedDirectory& directory);
  /// The entry of the single file `path`, which may lie in a directory that isn't walked. Nothing if it is
  /// a directory or doesn't exist.
  Result<std::optional<filetree::Entry>> scan_file(const std::string& path);

  [[nodiscard]] std::size_t entry_count() const { return entry_count_; }
  std::vector<ChangedPath>& changes() { return changes_; }

 private:
  struct Visit;

  Result<void> visit(Visit& visit, ScannedDirectory& directory, const DirectoryNames::Name& name);
  Result<bool> fill(Visit& visit, std::string_view name, const char* text, struct stat& status,
                    filetree::Entry& entry);
  static bool take_xattrs(const Visit& visit, const char* text, const FileStamp& stamp,
                          filetree::Entry& entry);
  Result<bool> learn(Visit& visit, const char* text, struct stat& status, filetree::Entry& entry,
                     KnownFile& known);
  void update_cache(Visit& visit, const std::string& path, bool whole);
  std::string shown(const std::string& path) const;

  const WalkSource source_;
  FileHasher hasher_;
  DirectoryNames names_;
  std::size_t entry_count_ = 0;
  std::vector<ChangedPath> changes_;
};

}  // namespace pgstrata::context
