// Whether the files of an unpacked layer are what its change set says.
#pragma once

#include <optional>
#include <string>

#include "core/result.h"
#include "filetree/entry.h"

namespace pgstrata::fsck {

/// The first difference, as "PATH: why"; nothing if there is none. Types, modes, owners, links and every
/// byte; neither times (a RUN's own upper directory has finer ones than its layer) nor attributes. Ids are
/// those that our user namespace sees. Whiteouts and sockets that the layer doesn't have are no difference:
/// a step leaves them where they hide nothing.
Result<std::optional<std::string>> first_difference(const std::string& directory,
                                                    const filetree::ChangeSet& changes);

}  // namespace pgstrata::fsck
