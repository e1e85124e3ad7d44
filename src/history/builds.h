// The builds that a store remembers: ROOT/builds/<began>-<id>.json, one file for each in the form of
// build_record.h; `began` is 16 hex digits, so that names sort by age. Files appear by rename and are never
// changed; the oldest go when there are more than kKept. Losing them loses explanations, nothing else, so
// nothing waits for the disk.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "history/build_record.h"

namespace pgstrata::history {

inline constexpr std::size_t kKept = 50;

/// For a build that wants to know its id before it is over.
Result<std::string> new_id();

/// Writes the record of a finished build. An empty `id` is chosen. Several processes may do so at once.
Result<void> add(const std::string& root, Build& build);

/// Names of the stored builds, oldest first: paths of their files.
Result<std::vector<std::string>> files(const std::string& root);
/// kCorrupt for a damaged file, or one of a newer pgstrata.
Result<Build> read(const std::string& file);

/// Newest first. A file that can't be read is passed over, and its error put into `unreadable`.
Result<std::vector<Build>> list(const std::string& root, std::vector<Error>* unreadable = nullptr);

struct Wanted {
  std::string id;       ///< or how it begins; "": the newest
  std::string context;  ///< as Build::context; "": any
};
/// kNotFound if there is none, kUsage if several ids begin so.
Result<Build> find(const std::string& root, const Wanted& wanted);

}  // namespace pgstrata::history
