// Writes a change set as a layer: its canonical tar (tar_header.h says which bytes), and what is known only
// once every byte was seen.
#pragma once

#include <cstdint>
#include <optional>

#include "core/result.h"
#include "filetree/entry.h"
#include "layer/tar_stream.h"
#include "oci/digest.h"
#include "snapshot/content.h"

namespace pgstrata::layer {

struct WriteOptions {
  /// Seconds since the epoch (SOURCE_DATE_EPOCH): later mtimes are written as this one.
  std::optional<std::int64_t> source_date_epoch;
};

struct WrittenLayer {
  /// As written: sorted, whole-second mtimes, content digests and tar offsets filled.
  filetree::ChangeSet changes;
  oci::Digest diff_id;
  oci::Digest change_set_digest;
  std::uint64_t size = 0;  ///< of the tar
};

/// One pass: each file is opened and read once, and hashed for its own digest and for the DiffID on the
/// way to `sink`. The order of `changes` doesn't matter; the same entries give the same tar. Memory: two
/// buffers of half a megabyte, whatever the files' sizes. Holes of sparse files are written out as zeros.
///
/// An entry that has a content digest already is copied and verified nonetheless. Errors: kIo "changed
/// while it was read" (another size or digest than the entry says; the caller can scan again), kUsage for
/// what a layer can't hold, kCorrupt for a path that is there twice or a hard link without its file, and
/// whatever `open` and `sink` return.
Result<WrittenLayer> write_layer(filetree::ChangeSet changes, const snapshot::ContentOpener& open,
                                 const WriteOptions& options, const ByteSink& sink);

}  // namespace pgstrata::layer
