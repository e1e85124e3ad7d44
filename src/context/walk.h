// The walk of a context: scans the directories below one, by several threads if there is much to do, and
// puts what they found into the order of a change set.
#pragma once

#include <string>
#include <vector>

#include "context/changes.h"
#include "context/directory_scan.h"
#include "core/result.h"
#include "filetree/entry.h"

namespace pgstrata::context {

struct WalkResult {
  filetree::ChangeSet entries;  ///< sorted; empty if there is nothing at the path
  std::vector<ChangedPath> changes;
};

/// `path` (clean) and everything visible below it.
Result<WalkResult> walk_tree(const WalkSource& source, const std::string& path);

}  // namespace pgstrata::context
