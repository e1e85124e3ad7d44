// FileTree: a read-only tree of files, wherever it comes from: a build context, a chain of layers, or
// a test's memory. COPY, look-ups of users and link resolution are written against it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "filetree/entry.h"
#include "os/fd.h"

namespace pgstrata::filetree {

/// The bytes of one regular file: `size` bytes at `offset` of an open descriptor, or, where there is
/// no file to open, `text`.
struct Content {
  os::Fd fd;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::string text;
};

class FileTree {
 public:
  FileTree() = default;
  FileTree(const FileTree&) = delete;
  FileTree& operator=(const FileTree&) = delete;
  virtual ~FileTree() = default;

  /// The entry at `path` as lstat would see it, or nothing. Every component before the last must be a
  /// directory as it stands: links are followed by resolve() below, not here. Hard links come as
  /// regular files. `content` need not be filled.
  [[nodiscard]] virtual Result<std::optional<Entry>> lookup(std::string_view path) const = 0;
  /// The direct children of a directory, sorted by name; `content` need not be filled.
  [[nodiscard]] virtual Result<std::vector<Entry>> list(std::string_view directory) const = 0;
  /// `path` and everything below it, sorted, with `content` filled. What is a hard link to an earlier
  /// entry of the same result comes as kHardLink.
  [[nodiscard]] virtual Result<ChangeSet> walk(std::string_view path) const = 0;
  /// The bytes of a regular file.
  [[nodiscard]] virtual Result<Content> open(const Entry& entry) const = 0;
  /// What error messages call the tree: a directory, "stage build", "the build context".
  [[nodiscard]] virtual std::string name() const = 0;
};

/// The whole content of the file at `path` (links followed within the tree); kNotFound if there is none.
Result<std::string> read_text(const FileTree& tree, std::string_view path);

}  // namespace pgstrata::filetree
