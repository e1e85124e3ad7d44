// What making a file of a layer is made of, for whoever unpacks one.
#pragma once

#include <array>
#include <ctime>
#include <string>

#include "core/result.h"
#include "filetree/entry.h"
#include "os/fd.h"

namespace pgstrata::layer {

/// Modification and access time of an entry, as futimens() takes them.
std::array<timespec, 2> times_of(const filetree::Entry& entry);

/// Something below a directory, without following a link anywhere on the way; "" is the directory itself.
Result<os::Fd> open_beneath(int root, const std::string& path, int flags);

/// Owner, mode, extended attributes and times of a regular file that has its bytes. `rootless`: without
/// attributes trusted.*, which can't be set in a user namespace.
Result<void> finish_file(int file, const filetree::Entry& entry, bool rootless);

}  // namespace pgstrata::layer
