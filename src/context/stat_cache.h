// StatCache: the content digests of a context's files, so that a file whose stamp is known isn't read. One
// cache file per context directory; its format is in stat_cache_format.h.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "context/stat_cache_format.h"
#include "core/result.h"
#include "os/fd.h"

namespace pgstrata::context {

/// All methods may be called from several threads.
class StatCache {
 public:
  /// `path`: the cache file, which need not exist; empty for a cache in memory only. Reads the index.
  explicit StatCache(std::string path);

  /// The records of a directory; null if there are none.
  [[nodiscard]] std::shared_ptr<const CacheBlock> directory(std::string_view path) const;
  void replace(const std::string& path, CacheBlock block);
  /// Forgets the directories at and below `top` that aren't in `kept`, which are sorted.
  void forget_others(std::string_view top, const std::vector<std::string_view>& kept);

  /// Replaces the cache file if anything changed. Another process may do the same: the last one wins.
  Result<void> save();

 private:
  void load();
  [[nodiscard]] const CacheIndex::Directory* find(std::string_view path) const;
  [[nodiscard]] std::optional<std::string> read_block(const CacheIndex::Directory& directory) const;
  [[nodiscard]] std::vector<std::string> paths_below(std::string_view top) const;
  [[nodiscard]] std::string encode() const;

  const std::string path_;
  mutable std::mutex mutex_;
  os::Fd file_;       ///< the cache file as it was found; another process's rename doesn't touch it
  CacheIndex index_;  ///< of file_
  /// What differs from file_; null: forgotten.
  std::map<std::string, std::shared_ptr<const CacheBlock>, std::less<>> changes_;
  bool dirty_ = false;  ///< something was changed since the last save()
};

}  // namespace pgstrata::context
