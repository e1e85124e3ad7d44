// Entry: one file of a tree or of a layer, and ChangeSet: the sorted entries that a layer adds to the
// chain below it. The field names follow image-spec layer.md ("Change Types", "File Attributes").
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/digest.h"

namespace pgstrata::filetree {

enum class EntryType : std::uint8_t {
  kRegular,
  kDirectory,
  kSymlink,
  kHardLink,  ///< `link` is the path of an earlier regular entry of the same change set
  kCharDevice,
  kBlockDevice,
  kFifo,
  kWhiteout,  ///< the path is absent from here on; only in change sets
};

using Xattr = std::pair<std::string, std::string>;  ///< name, value

struct Entry {
  std::string path;  ///< relative to the root, no leading or trailing slash; "" is the root itself
  EntryType type = EntryType::kRegular;
  bool opaque = false;   ///< a directory that hides what the layers below have in it
  bool implied = false;  ///< a directory equal to the one below (mtime aside): a parent of changes, not one
  std::uint32_t mode = 0;  ///< permission bits with setuid, setgid and sticky (07777)
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;     ///< bytes of a regular file, else 0
  std::int64_t mtime_ns = 0;  ///< since the epoch
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::string link;              ///< target of a symlink (verbatim) or hard link (a path like `path`)
  std::vector<Xattr> xattrs;     ///< sorted by name
  oci::Digest content;           ///< of a regular file's bytes; none for other types, or not yet known
  std::uint64_t tar_offset = 0;  ///< where a regular file's bytes begin in the layer's tar

  bool operator==(const Entry&) const = default;
};

/// For mtime_ns. What 64 bits can't hold, before 1677 or after 2262, is the epoch, as containerd takes it.
[[nodiscard]] inline std::int64_t to_nanoseconds(std::int64_t seconds, std::int64_t nanoseconds) {
  std::int64_t sum = 0;
  if (__builtin_mul_overflow(seconds, std::int64_t{1'000'000'000}, &sum) ||
      __builtin_add_overflow(sum, nanoseconds, &sum))
    return 0;
  return sum;
}

/// Sorted by path, bytewise: a directory comes before what it holds, and all that lies below
/// "a" is the contiguous range ["a/", "a0").
using ChangeSet = std::vector<Entry>;

void sort(ChangeSet& changes);

/// Digest over everything but mtimes, tar offsets and sizes of non-files: two checkouts and two machines
/// that make the same files get the same value. Implied directories count, marked or not: the layer's tar
/// has them, so on another chain two layers that differ in them alone would give different trees.
[[nodiscard]] oci::Digest change_set_digest(std::span<const Entry> changes);

/// The same, entry by entry, for callers that make them one at a time.
class ChangeSetHasher {
 public:
  ChangeSetHasher();
  void add(const Entry& entry);
  [[nodiscard]] oci::Digest finish();

 private:
  oci::Sha256 hash_;
  std::string pending_;
};

/// The parent directory of a path ("" for a top-level name), and its last component.
[[nodiscard]] std::string_view parent_path(std::string_view path);
[[nodiscard]] std::string_view base_name(std::string_view path);
/// True for `top` itself and everything below it; "" is above everything.
[[nodiscard]] bool is_within(std::string_view path, std::string_view top);

}  // namespace pgstrata::filetree
