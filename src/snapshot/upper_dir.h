// What a step changed, read from the upper directory of its overlay alone: no walk of the tree below.
// The marks are those of Documentation/filesystems/overlayfs.rst ("whiteouts and opaque directories"),
// for mounts with redirect_dir=nofollow and metacopy=off (overlay.h makes no others).
#pragma once

#include <string>

#include "core/result.h"
#include "filetree/file_tree.h"

namespace pgstrata::snapshot {

struct ScanOptions {
  bool rootless = false;  ///< the marks are user.overlay.* (a mount with userxattr), else trusted.overlay.*
};

/// Makes the empty upper directory of a step on top of `below`: overlay takes the attributes of the
/// merged root from it, so it needs those of the root below. `path` must not exist.
Result<void> make_upper(const std::string& path, const filetree::FileTree& below);

/// Gives the upper directory's root the mode, owner and attributes that it had, whatever the step has made
/// of them. No layer of BuildKit's has the root directory itself (containerd/continuity, fs/diff.go skips
/// it), so a `RUN chmod 700 /` is without effect once the step has ended.
Result<void> restore_root(const std::string& path, const filetree::FileTree& below);

/// The change set of an upper directory, sorted. `content` and `tar_offset` are left empty: the layer
/// writer fills them while it reads each file once. Ids are those that our user namespace sees.
///
/// - Whiteouts: a 0/0 character device, or an empty file with the attribute overlay.whiteout. One for a
///   path that doesn't exist below is dropped.
/// - An opaque directory that hides nothing (below there is no directory, or an empty one) is an ordinary
///   one: overlay marks every directory that replaces something, BuildKit's and our layers don't.
/// - A directory that exists below with equal mode, owner and attributes is `implied`.
/// - Hard links: the first path in sorted order is the regular file. Links of other types are files of
///   their own, as in Docker's layers.
/// - Sockets are skipped. Names may hold any bytes.
/// - A file that was copied up and left as it was is a change (no content is compared here).
Result<filetree::ChangeSet> scan_upper(const std::string& directory, const filetree::FileTree& below,
                                       const ScanOptions& options);

/// Takes away, from the entries and from the files of the upper directory, what doesn't go into layers
/// (xattrs.h), so that a later step sees the same whether this layer was just made or unpacked again. What
/// an implied directory has is the layers' below, and stays.
Result<void> drop_attributes(const std::string& directory, filetree::ChangeSet& changes);

}  // namespace pgstrata::snapshot
