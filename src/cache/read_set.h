// The read set of a RUN: what it asked of the chain below it, as it is stored.
//
// Format, version 1: a byte 1, then a zstd frame (RFC 8878) with its checksum, of the observations in order
// of their paths, each
//
//   varint  how many bytes its path shares with the one before
//   varint  how many follow, and these bytes
//   u8      the questions (filetree/observation.h)
//
// varint is LEB128 as in protocol buffers. Package installs ask for the same path with several endings
// (".dpkg-new", ".dpkg-tmp"), so that of the 6,000 paths of one little is left; no values, since the chain
// that was asked is immutable and can be asked again.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "filetree/observation.h"
#include "oci/digest.h"

namespace pgstrata::cache {

/// `observations` must be sorted by path.
[[nodiscard]] std::string encode_read_set(const filetree::Observations& observations);

/// A stored read set, asked for single paths. Copies share nothing.
class ReadSet {
 public:
  ReadSet() = default;
  /// kCorrupt if it isn't what encode_read_set() wrote.
  static Result<ReadSet> decode(std::string_view bytes);

  /// The questions that were asked of a path.
  [[nodiscard]] filetree::Questions asked_of(std::string_view path) const;
  [[nodiscard]] std::size_t size() const { return places_.size(); }
  [[nodiscard]] filetree::Observation at(std::size_t index) const;

 private:
  struct Place {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    filetree::Questions questions = 0;
  };
  [[nodiscard]] std::string_view path(const Place& place) const;

  std::string paths_;  ///< one behind the other: a read set is decoded on the way to every reuse of a RUN
  std::vector<Place> places_;
};

/// What was asked of a bind mount: with the answers, as its content is kept nowhere.
struct AskedMount {
  std::size_t mount = 0;  ///< which of the op's mounts
  filetree::Observations observations;
  std::vector<oci::Digest> values;  ///< one for each of them
};
/// The mounts one behind the other: varint, a read set with its length as varint, the values as they are.
[[nodiscard]] std::string encode_mounts(const std::vector<AskedMount>& mounts);
Result<std::vector<AskedMount>> decode_mounts(std::string_view bytes);

/// The first of `differences` that is about something that was asked; null if none is.
[[nodiscard]] const filetree::Observation* falsified(const ReadSet& asked,
                                                     const filetree::Observations& differences);

}  // namespace pgstrata::cache
