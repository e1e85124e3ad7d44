// Compressed forms of a layer's tar, for exporters. The same input gives the same bytes for any number of
// threads (not for other versions of libdeflate or libzstd).
#pragma once

#include <cstdint>

#include "core/result.h"
#include "layer/tar_stream.h"
#include "oci/digest.h"

namespace pgstrata::layer {

enum class Compression { kGzip, kZstd };

struct CompressOptions {
  Compression kind = Compression::kGzip;
  int level = 0;         ///< 0: the usual one (gzip 4, zstd 3)
  unsigned threads = 0;  ///< 0: as many as there are processors
};

struct Compressed {
  oci::Digest digest;
  std::uint64_t size = 0;
};

/// Compresses `size` bytes of `blob` from its beginning (the position isn't moved).
///
/// gzip: members of 1 MiB, one behind the other (RFC 1952, section 2.2), without name and time; by
/// libdeflate, which compresses only what it has as a whole. zstd: frames of 2 MiB with checksums, one
/// behind the other (RFC 8878, section 3). Not libzstd's own workers: Debian's static library is built
/// without them.
///
/// Every thread has ended when it returns. `sink` is called from the calling thread. kIo if the blob is
/// shorter.
Result<Compressed> compress(int blob, std::uint64_t size, const CompressOptions& options,
                            const ByteSink& sink);

}  // namespace pgstrata::layer
