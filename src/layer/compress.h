// Compressed forms of a layer's tar, for exporters. The same input gives the same bytes for any number of
// threads (not for other versions of zlib or libzstd).
#pragma once

#include <cstdint>

#include "core/result.h"
#include "layer/tar_stream.h"
#include "oci/digest.h"

namespace pgstrata::layer {

enum class Compression { kGzip, kZstd };

struct CompressOptions {
  Compression kind = Compression::kGzip;
  int level = 0;         ///< 0: the usual one (gzip 6, zstd 3)
  unsigned threads = 0;  ///< 0: as many as there are processors
};

struct Compressed {
  oci::Digest digest;
  std::uint64_t size = 0;
};

/// Compresses `size` bytes of `blob` from its beginning (the position isn't moved).
///
/// gzip: one member (RFC 1952), as some readers stop after the first. Its deflate stream is cut into blocks
/// of 1 MiB that know nothing of each other (no shared dictionary: it would save half a percent and cost a
/// pass), each ended by an empty stored block, as pigz -i writes them. No name and no time in the header.
/// zstd: frames of 2 MiB with checksums, one behind the other (RFC 8878, section 3). Not libzstd's own
/// workers: Debian's static library is built without them.
///
/// Every thread has ended when it returns. `sink` is called from the calling thread. kIo if the blob is
/// shorter.
Result<Compressed> compress(int blob, std::uint64_t size, const CompressOptions& options,
                            const ByteSink& sink);

}  // namespace pgstrata::layer
