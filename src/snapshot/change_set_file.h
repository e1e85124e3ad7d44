// A change set on disk: mapped, not parsed. A build opens one per layer of its chain (20 of them, with
// 10,000 entries in the base) only to look up a handful of paths, so opening costs no more than an
// mmap, and a look-up is a binary search that touches a few pages.
//
// Format, version 2. All integers are little-endian; the parts follow each other without gaps.
//
//   header, 80 bytes
//     0  char[8]  "pgschg2\n"
//     8  u32      number of records
//    12  u32      size of a record: 112
//    16  u64      size of the heap in bytes
//    24  u8[32]   SHA-256 of everything after the header (checked by verify(), not by open())
//    56  u8[16]   zero
//    72  u64      checksum of bytes 0 to 71
//   records, 112 bytes each, ascending by path (bytewise)
//     0  u32 u32  path: offset in the heap, length
//     8  u32 u32  link: the same
//    16  u32 u32  xattrs: the same; in the heap, for each: u32 and u32 the lengths of name and value, then
//    both 24  u8       type, in the order of filetree::EntryType 25  u8       bit 0: opaque, bit 1: implied
//    26  u16      zero
//    28  u32 u32 u32   mode, uid, gid
//    40  u32 u32  device major, minor
//    48  u64      size
//    56  i64      mtime in ns
//    64  u64      tar offset
//    72  u8[32]   content digest
//   104  u64      checksum of the record's bytes 0 to 103 and its path, link and xattrs
//   heap
//
// The checksum is core/checksum.h's: it is there for bad disks and torn writes; whoever fears more calls
// verify() and compares change_set_digest. A checksum over the whole file at open would read 2 MB for
// a base layer (1.5 ms), hence one per record, checked when the record is read.
// Every record but "" has its parent directory in the file; serialise() refuses others, as the merge
// of a chain (chain_view.h) relies on it. A heap offset is 32 bits: 4 GB of names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "filetree/entry.h"

namespace pgstrata::snapshot {

/// The bytes of a change-set file. `changes` must be sorted, without duplicates, and have a directory
/// for every parent; kCorrupt names the path that breaks a rule.
Result<std::string> serialise(std::span<const filetree::Entry> changes);

/// A read-only change set. Move-only; entries are copies, so they may outlive it. The file must not be
/// changed while it is open (it is published by rename, and only ever unlinked). Thread-safe.
/// Every function gives kCorrupt for a damaged file.
class ChangeSetFile {
 public:
  static Result<ChangeSetFile> open(const std::string& path);
  /// Over bytes of serialise(); `name` is for error messages.
  static Result<ChangeSetFile> from_bytes(std::string bytes, std::string name);

  ChangeSetFile(ChangeSetFile&& other) noexcept;
  ChangeSetFile& operator=(ChangeSetFile&& other) noexcept;
  ChangeSetFile(const ChangeSetFile&) = delete;
  ChangeSetFile& operator=(const ChangeSetFile&) = delete;
  ~ChangeSetFile();

  /// Indices [begin, end) of entries.
  struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  /// What a merge has to know of an entry.
  struct Head {
    std::string_view path;  ///< valid as long as the file is open
    filetree::EntryType type = filetree::EntryType::kRegular;
    bool opaque = false;
  };

  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] Range all() const { return {0, count_}; }
  /// `index` must be below size().
  [[nodiscard]] Result<filetree::Entry> entry(std::size_t index) const;
  [[nodiscard]] Result<Head> head(std::size_t index) const;
  /// True if two records say the same of their paths: their times, places in the tar and `implied` aside.
  [[nodiscard]] Result<bool> says_the_same(std::size_t index, const ChangeSetFile& other,
                                           std::size_t other_index) const;
  [[nodiscard]] Result<std::optional<filetree::Entry>> find(std::string_view path) const;
  /// The index of `path`, if it is in `within`.
  [[nodiscard]] Result<std::optional<std::size_t>> find_index(std::string_view path, Range within) const;
  /// Everything below `directory` (not itself), which may be looked for in a part of the file only.
  [[nodiscard]] Result<Range> below(std::string_view directory, Range within) const;
  /// The indices of the direct children of `directory`, ascending; `below` is what below() gave for it.
  [[nodiscard]] Result<std::vector<std::size_t>> children(std::string_view directory, Range below) const;
  /// True if `text` is anywhere among the paths, link targets and attributes.
  [[nodiscard]] bool mentions(std::string_view text) const;
  /// All entries.
  [[nodiscard]] Result<filetree::ChangeSet> read_all() const;
  /// Reads everything, and compares with the digest in the header.
  [[nodiscard]] Result<void> verify() const;

 private:
  ChangeSetFile() = default;
  Result<void> check_header();
  [[nodiscard]] const std::byte* record(std::size_t index) const;
  [[nodiscard]] std::optional<std::string_view> heap_text(const std::byte* offset_and_size) const;
  /// The first index in `within` whose path isn't less than `path`.
  [[nodiscard]] Result<std::size_t> lower_bound(std::string_view path, Range within) const;
  [[nodiscard]] Error damaged(std::string why) const;
  void unmap();

  std::string name_;
  std::string owned_;  ///< from_bytes() only
  const std::byte* data_ = nullptr;
  std::size_t length_ = 0;
  bool mapped_ = false;
  std::size_t count_ = 0;
  std::size_t heap_at_ = 0;
};

}  // namespace pgstrata::snapshot
