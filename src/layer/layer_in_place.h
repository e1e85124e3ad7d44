// A layer made elsewhere whose tar is kept as it is, so that its DiffID stays: its change set has the
// offsets of the contents in that tar.
#pragma once

#include <optional>
#include <string>

#include "core/result.h"
#include "filetree/entry.h"
#include "filetree/file_tree.h"
#include "layer/arriving_tar.h"
#include "layer/early_files.h"

namespace pgstrata::layer {

/// The entries of an uncompressed tar, as read_archive() has them, with content digests and offsets.
/// Nothing if the content of a file isn't all in one place (sparse files): then only import_layer() can
/// take it.
Result<std::optional<filetree::ChangeSet>> read_in_place(const std::string& tar);
/// The same while the tar arrives. With `early` its files are written there at once: from the same bytes
/// that are hashed.
Result<std::optional<filetree::ChangeSet>> read_arriving(const std::string& tar, ArrivingTar& arriving,
                                                         EarlyFiles* early);

/// The change set that they are. Whiteouts and opaque directories stay even if they hide nothing in
/// `below`: the same tar is the same change set on whatever layers it comes. Only parents that the tar
/// lacks take their attributes from there; 0755 and 0:0 if there are none.
Result<filetree::ChangeSet> changes_in_place(filetree::ChangeSet entries, const filetree::FileTree& below);

}  // namespace pgstrata::layer
