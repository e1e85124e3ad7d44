// A whole archive as entries with contents: what ADD unpacks, and what a foreign layer is made canonical
// from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "filetree/file_tree.h"
#include "layer/tar_reader.h"
#include "layer/tar_writer.h"
#include "snapshot/content.h"

namespace pgstrata::layer {

struct ArchiveTree {
  /// Sorted; every parent is there (`implied`, 0755, owned by 0:0, where the archive names none). Of
  /// several names of a file the first in sorted order is the regular file. Content digests are empty.
  filetree::ChangeSet entries;
  /// Reads from an unnamed spool file, which goes with the last copy of this function.
  snapshot::ContentOpener open;
};

/// Reads an archive in one go, with the result that unpacking it in order would have: a later entry of the
/// same name wins (a hard link made before keeps the older content), a file in place of a directory removes
/// what was in it. Never followed: an entry below a symbolic link or a file of the archive is refused
/// (kCorrupt). Contents are spooled into a file without a name in `spool_directory`, so memory stays small.
Result<ArchiveTree> read_archive(TarReader archive, const std::string& spool_directory);

/// The members of an archive as it has them: in its order, the same name perhaps several times, parents
/// perhaps missing, links to anywhere. `tar_offset` is never 0 for a regular file.
struct ArchiveMembers {
  std::vector<filetree::Entry> members;
  snapshot::ContentOpener open;  ///< as that of ArchiveTree
};

Result<ArchiveMembers> read_members(TarReader archive, const std::string& spool_directory);

struct ImportOptions {
  std::string spool_directory;
  std::optional<std::int64_t> source_date_epoch;
};

/// A layer tar made elsewhere (or a whole root file system) → the canonical form of the same layer on top
/// of `below`.
///  - ".wh.NAME" becomes a whiteout, unless nothing of that name lies below; ".wh..wh..opq" an opaque
///    directory, unless it hides nothing; other names that begin with ".wh..wh." are AUFS's own, and are
///    dropped.
///  - a whiteout beside an entry of the same name means a replacement: for a directory, an opaque one.
///  - a parent that the archive lacks takes the attributes of the directory below, or is 0755 and owned by
///  0:0.
///  - a directory that equals the one below is `implied`.
/// The tar is another one than the archive, so its DiffID is too.
Result<WrittenLayer> import_layer(TarReader archive, const filetree::FileTree& below,
                                  const ImportOptions& options, const ByteSink& sink);

}  // namespace pgstrata::layer
