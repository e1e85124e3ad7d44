// The layer that a COPY gave last time, as a source of bytes: after an edit of one file out of 100,000 the
// others are read in order from one tar instead of being opened one by one.
#pragma once

#include <cstdint>
#include <string>

#include "content/content_store.h"
#include "core/result.h"
#include "snapshot/change_set_file.h"
#include "snapshot/content.h"

namespace pgstrata::store {

/// Not thread-safe. Only speed depends on it: what isn't found there, or can't be read, comes from the
/// original source, and the layer writer verifies the bytes of either.
class PreviousLayer {
 public:
  /// `changes` is borrowed; `tar` is the layer's blob.
  PreviousLayer(const snapshot::ChangeSetFile& changes, os::Fd tar)
      : changes_(changes), tar_(std::move(tar)) {}

  /// An opener for entries that come in ascending order of path and carry their content digest.
  [[nodiscard]] snapshot::ContentOpener before(snapshot::ContentOpener source);

 private:
  Result<filetree::Content> open(const filetree::Entry& entry, const snapshot::ContentOpener& source);
  /// Where the same bytes lie in the tar; 0 if they don't.
  std::uint64_t find(const filetree::Entry& entry);
  /// `size` bytes at `offset`, through a window that moves on; empty if they can't be read.
  std::string_view read(std::uint64_t offset, std::uint64_t size);

  const snapshot::ChangeSetFile& changes_;
  os::Fd tar_;
  std::size_t next_ = 0;  ///< the first entry of `changes_` that wasn't passed yet
  std::string window_;
  std::uint64_t window_offset_ = 0;
};

}  // namespace pgstrata::store
