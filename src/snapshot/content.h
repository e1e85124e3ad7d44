// Where the bytes of a layer's files are read from.
#pragma once

#include <functional>
#include <string>

#include "core/result.h"
#include "filetree/file_tree.h"

namespace pgstrata::snapshot {

/// Opens the bytes of a regular file. An offset of 0 says that the content is the whole file behind the
/// descriptor, so that a reader can tell when the file has grown. Those made here may be called by several
/// threads at once.
using ContentOpener = std::function<Result<filetree::Content>(const filetree::Entry&)>;

/// Files of an unpacked layer or an upper directory. Links are never followed. The content's size is what
/// the entry says; a reader notices when the file has another.
Result<ContentOpener> files_of_directory(const std::string& directory);

/// Files inside a layer's uncompressed tar, at `tar_offset`. Takes the descriptor.
ContentOpener files_of_blob(os::Fd blob);

}  // namespace pgstrata::snapshot
