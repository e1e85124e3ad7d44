// A tree's files in a plain directory, for people: no whiteouts, no overlay marks, the caller's own files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "filetree/file_tree.h"

namespace pgstrata::exporter {

/// Merges `tree` into `directory` (made if it isn't there; its own mode stays). What has the name of a
/// file of the tree is replaced: files by rename, a directory by something else with everything in it.
/// Directories are merged. Links in `directory` are never followed. Owners: the caller; modes, times,
/// links, hard links and attributes: the tree's. The messages say what had to be left out.
/// Nothing is synced: an fsync for each of ten thousand files would take longer than the build.
Result<std::vector<std::string>> write_local(const filetree::FileTree& tree, const std::string& directory,
                                             std::optional<std::int64_t> source_date_epoch);

}  // namespace pgstrata::exporter
