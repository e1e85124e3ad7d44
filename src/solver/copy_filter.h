// COPY --parents and --exclude: what they leave of a source tree. The rules are those of the copier that
// BuildKit uses (tonistiigi/fsutil, copy/copy.go: copy, copyDirectory, createParentDirs).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "context/ignore.h"
#include "core/result.h"
#include "filetree/entry.h"

namespace pgstrata::solver {

/// Patterns are matched against paths below the copied directory; the directory itself always stays. Both
/// have .dockerignore's grammar.
class CopyFilter {
 public:
  /// Nothing in `include` selects everything. kUsage for a malformed pattern.
  static Result<CopyFilter> make(const std::vector<std::string>& include,
                                 const std::vector<std::string>& exclude);

  [[nodiscard]] bool empty() const { return !include_ && exclude_.empty(); }
  /// Takes out of `entries`, the sorted tree below `top`, what isn't selected. The parents of what is stay.
  /// A hard link whose file goes takes its place.
  void apply(filetree::ChangeSet& entries, std::string_view top) const;

 private:
  std::optional<context::IgnorePatterns> include_;
  context::IgnorePatterns exclude_;
};

}  // namespace pgstrata::solver
