// What is edited in a build context, and how often: from the history of its Git checkout, or, where there
// is none, by taking every file to be edited equally often.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pgstrata::advise {

/// Files that were changed together: what somebody builds after.
struct Edit {
  std::vector<std::string> paths;  ///< from the context's directory
  double rate = 0;                 ///< how often, in the unit of Edits
};

struct Edits {
  std::vector<Edit> edits;
  /// Empty if the rates are per week of a history; else why there is none, and the rates sum up to one
  /// edit.
  std::string no_history;
  std::string since;  ///< as it was asked for
  double weeks = 0;   ///< how long the history is
};

/// Reads what `git log -z --name-only --format=%x01%ct` prints: commits with the paths that they touched.
/// Commits that touched none are left out; the rates are zero.
[[nodiscard]] std::vector<Edit> parse_git_log(std::string_view output);

/// The commits since `since` (any date that git understands, such as "26 weeks ago") that touched the
/// directory, one edit each. `now` in seconds since the epoch. A history of less than a week counts as one
/// of a week. kUsage if git can't read the date; any other failure of git is told as no_history.
Result<Edits> git_edits(const std::string& directory, const std::string& since, std::int64_t now);

/// One edit of each file, all equally likely.
[[nodiscard]] Edits equal_edits(std::vector<std::string> files, std::string why);

}  // namespace pgstrata::advise
