// The stat cache on disk: the content digests of a context's files, so that a file whose stat is known
// isn't read. Two files per context directory. They only ever save work: what is missing, damaged, of
// another version or from another machine is as good as none.
//
// NAME, the index (numbers little-endian, no padding between the parts), replaced as a whole:
//
//   header      magic "pgstatc2", u32 directory count, u32 size of the paths, u64 checksum of the rest
//               (count, size, table and paths)
//   table       per directory, sorted by path, 32 bytes: u64 offset of its block, u32 size of its block,
//               u32 record count, u64 checksum of block, record count and flag, u32 length of its path,
//               u32 flags (1: the block knows every visible child of the directory)
//   paths       one after the other, in the order of the table, without separators
//
// NAME.blocks, one after the other, in any order and with others between them that nothing names any more:
//
//   block       of one directory: the records sorted by name, 88 bytes each, then the names
//     record    u64 device, u64 inode, i64 ctime ns, i64 mtime ns, u64 size, u32 st_mode, u32 length of the
//               name, u64 flags (1: has extended attributes, 2: racy), 32 bytes SHA-256
//
// By directory, because a walk goes by directory: it merges a block's names with the directory's, and a
// COPY of one file from a large context reads the index and one block. An edit appends the block of its
// directory, 25 KB where the whole is 10 MB; when more than half of the blocks are dead, they are written
// anew. Nothing keeps two processes from doing so at once, or one of them from naming a block that the
// other has left out: each block's checksum is in the index, so that what lies elsewhere now is never
// believed. Blocks are read, not mapped: a file that somebody truncates must not become a SIGBUS.
//
// Racy: a file that changed so shortly before it was hashed that a later change could leave it with the
// same times (git's "racily clean"; Documentation/technical/racy-git.adoc there) is hashed again next time.
// The mark is set per record when the file is hashed. Only the ctime counts: the kernel sets it with every
// change, and nobody can set it back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/digest.h"

struct stat;

namespace pgstrata::context {

/// What has to be equal for a digest to be believed.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t ctime_ns = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t size = 0;
  std::uint32_t mode = 0;  ///< st_mode, with the type

  static FileStamp of(const struct stat& status);
  bool operator==(const FileStamp&) const = default;
};

struct KnownFile {
  FileStamp stamp;
  bool has_xattrs = false;
  bool racy = false;    ///< not to be believed next time
  oci::Digest content;  ///< of a regular file's bytes or a link's target; none for other types

  bool operator==(const KnownFile&) const = default;
};

struct CacheRecord {
  std::string name;
  KnownFile file;
};

/// True if a file with this ctime, hashed at or after `hashed_ns` by the kernel's coarse clock, could still
/// be changed without its ctime showing it. File systems that keep whole seconds get two seconds.
[[nodiscard]] bool is_racy(std::int64_t ctime_ns, std::int64_t hashed_ns);

/// The records of one directory, read-only.
class CacheBlock {
 public:
  /// Nothing if the bytes don't make `count` well-formed records, sorted by name. Takes any bytes.
  static std::optional<CacheBlock> parse(std::string bytes, std::uint32_t count, bool complete);
  /// `records` are sorted by name.
  static CacheBlock encode(const std::vector<CacheRecord>& records, bool complete);

  [[nodiscard]] std::size_t size() const { return names_.size(); }
  [[nodiscard]] std::string_view name(std::size_t i) const;
  [[nodiscard]] KnownFile file(std::size_t i) const;
  /// The index of a name, or size().
  [[nodiscard]] std::size_t find(std::string_view name) const;
  /// It knows every visible child of the directory: a name that isn't in it is new.
  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  /// The checksum that the table keeps.
  [[nodiscard]] static std::uint64_t checksum(std::string_view bytes, std::uint32_t count, bool complete);

 private:
  struct Name {
    std::uint32_t offset;
    std::uint32_t length;
  };

  std::string bytes_;
  std::vector<Name> names_;
  bool complete_ = false;
};

/// Where the blocks of a cache file lie.
struct CacheIndex {
  struct Directory {
    std::string path;
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
    std::uint32_t count = 0;
    std::uint64_t checksum = 0;
    bool complete = false;
  };
  std::vector<Directory> directories;  ///< sorted by path

  /// Nothing if the bytes aren't an index of blocks that all lie within `blocks_size`. Takes any bytes.
  static std::optional<CacheIndex> parse(std::string_view bytes, std::uint64_t blocks_size);
  [[nodiscard]] std::string encode() const;
};

}  // namespace pgstrata::context
