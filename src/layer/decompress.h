// Compressed layers → their tars.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
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

/// Takes a file's bytes as they come, and gives the uncompressed ones: what decompress() is made of.
class Decompressor {
 public:
  /// `sink` is borrowed; it may be called from another thread until this is gone.
  Decompressor(std::string name, std::uint64_t limit, const ByteSink& sink);
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
  ~Decompressor();

  /// Pieces of any size. After an error nothing more may be given. kCorrupt: damaged, or more than the
  /// limit; or the error of `sink`, which may come with a later piece or at the end.
  Result<void> take(std::span<const std::byte> bytes);
  /// After the last piece. kCorrupt: cut off.
  Result<Decompressed> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Reads the whole file from its position on: gzip (several members, too), zstd (several frames), or
/// anything else as it is; told apart by their first bytes, as media types aren't always true. `name` is
/// for messages. kCorrupt: damaged, cut off, or more than `limit` bytes.
Result<Decompressed> decompress(int fd, const std::string& name, std::uint64_t limit, const ByteSink& sink);

}  // namespace pgstrata::layer
