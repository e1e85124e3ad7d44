// Whether a layer that came with one image is the same on the layers of another.
#pragma once

#include <string>

#include "core/result.h"
#include "filetree/file_tree.h"
#include "snapshot/change_set_file.h"

namespace pgstrata::importer {

/// False if directories that are there only as parents, and that the tar (a path) lacks, have other
/// attributes on the layers `below`. The tar's headers are read only if a directory could be one of those.
Result<bool> fits_on(const snapshot::ChangeSetFile& layer, const std::string& tar,
                     const filetree::FileTree& below);

}  // namespace pgstrata::importer
