// StatCache: the content digests of a context's files, so that a file whose stamp is known isn't read. Two
// files per context directory; their formats are in stat_cache_format.h.
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
  /// `path`: the index, which need not exist, with `path`.blocks beside it; empty for a cache in memory
  /// only.
  explicit StatCache(std::string path);

  /// The records of a directory; null if there are none.
  [[nodiscard]] std::shared_ptr<const CacheBlock> directory(std::string_view path) const;
  void replace(const std::string& path, CacheBlock block);
  /// Forgets the directories at and below `top` that aren't in `kept`, which are sorted.
  void forget_others(std::string_view top, const std::vector<std::string_view>& kept);

  /// Writes what changed. Another process may do the same: the last one wins.
  Result<void> save();

 private:
  void load();
  [[nodiscard]] const CacheIndex::Directory* find(std::string_view path) const;
  [[nodiscard]] std::optional<std::string> read_block(const CacheIndex::Directory& directory) const;
  [[nodiscard]] std::vector<std::string> paths_below(std::string_view top) const;
  /// The index to write, and the block of each row that has none in blocks_ yet (null: it has one).
  struct Next {
    CacheIndex index;
    std::vector<const CacheBlock*> fresh;
  };
  [[nodiscard]] Next next() const;
  [[nodiscard]] bool is_worth_appending(const Next& next) const;
  Result<void> append_blocks(Next& next);
  Result<void> rewrite_blocks(Next& next);
  [[nodiscard]] std::string blocks_path() const { return path_ + ".blocks"; }

  const std::string path_;
  mutable std::mutex mutex_;
  os::Fd blocks_;     ///< as it was found; another process's rename doesn't touch it
  CacheIndex index_;  ///< of blocks_
  /// What differs from both; null: forgotten.
  std::map<std::string, std::shared_ptr<const CacheBlock>, std::less<>> changes_;
  bool dirty_ = false;  ///< something was changed since the last save()
};

}  // namespace pgstrata::context
