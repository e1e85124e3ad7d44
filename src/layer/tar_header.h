// The bytes that stand before a file's content in a layer's tar: one POSIX ustar header (IEEE 1003.1,
// pax, "ustar Interchange Format"), preceded by a pax extended header only where ustar can't say it.
//
// The same entry gives the same bytes, always:
//  - name: the path, raw bytes; directories with a trailing slash; the root is "./". No owner names.
//  - a pax record for: a path or link target over 100 bytes (ustar's prefix field isn't used: one way
//    is enough), numbers that don't fit their octal field (ids over 2097151, 8 GiB sizes, times before
//    1970 or after 2242), and xattrs as SCHILY.xattr.NAME. Records ascend by key, as Go's archive/tar has
//    them.
//  - mtimes are whole seconds, rounded down. That is what containerd's differ writes (archive.ChangeWriter:
//    PAX format, ModTime.Truncate(time.Second), no access or change times), hence Docker's and BuildKit's
//    layers; finer times would make ours differ from theirs, and an extended header for each file.
//  - a whiteout is an empty file ".wh.NAME", an opaque directory is followed by an empty ".wh..wh..opq" in
//  it
//    (image-spec layer.md, "Whiteouts"): mode 0, ids 0, time 0.
#pragma once

#include <cstddef>
#include <string>

#include "core/result.h"
#include "filetree/entry.h"

namespace pgstrata::layer {

inline constexpr std::size_t kTarBlock = 512;
/// Two zero blocks end an archive.
inline constexpr std::size_t kTarEnd = 2 * kTarBlock;

/// How many zero bytes follow `size` bytes of content.
[[nodiscard]] constexpr std::size_t tar_padding(std::uint64_t size) {
  return static_cast<std::size_t>((kTarBlock - size % kTarBlock) % kTarBlock);
}

/// Appends what stands before the entry's content (for an opaque directory: with its marker).
/// kUsage for what a layer can't hold: names that begin with ".wh.", attribute names with "=", names or
/// links with a NUL byte.
Result<void> append_header(std::string& out, const filetree::Entry& entry);

}  // namespace pgstrata::layer
