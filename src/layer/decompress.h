// Compressed layers → their tars.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/result.h"
#include "layer/compress.h"
#include "layer/tar_stream.h"
#include "oci/digest.h"

namespace pgstrata::layer {

struct Decompressed {
  oci::Digest digest;  ///< of the uncompressed bytes: the DiffID
  std::uint64_t size = 0;
  std::optional<Compression> compression;  ///< what it was; none if it was no compressed file
};

/// Reads the whole file from its position on: gzip (several members, too), zstd (several frames), or
/// anything else as it is; told apart by their first bytes, as media types aren't always true. `name` is
/// for messages. kCorrupt: damaged, cut off, or more than `limit` bytes.
Result<Decompressed> decompress(int fd, const std::string& name, std::uint64_t limit, const ByteSink& sink);

}  // namespace pgstrata::layer
