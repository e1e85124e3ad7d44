// Encodes a file in blocks that know nothing of each other: in parallel, delivered in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/result.h"

namespace pgstrata::layer {

struct EncodedBlock {
  std::vector<std::byte> bytes;
};

/// What one thread has: it is used for one block after the other.
class BlockEncoder {
 public:
  BlockEncoder() = default;
  BlockEncoder(const BlockEncoder&) = delete;
  BlockEncoder& operator=(const BlockEncoder&) = delete;
  virtual ~BlockEncoder() = default;
  virtual Result<void> encode(std::span<const std::byte> block, EncodedBlock& out) = 0;
};

struct BlockWork {
  int blob = -1;  ///< read with pread from its beginning
  std::uint64_t size = 0;
  std::uint64_t block_size = 0;
  unsigned threads = 1;
  std::function<std::unique_ptr<BlockEncoder>()> make_encoder;  ///< called by each thread
};

/// Calls `deliver` for each block, in order, on the calling thread; at least once (an empty file is one
/// empty block). At most two blocks per thread are in memory. All threads have ended when it returns. kIo
/// if the file is shorter than `size`, or what encoder and `deliver` return.
Result<void> encode_blocks(const BlockWork& work,
                           const std::function<Result<void>(const EncodedBlock&)>& deliver);

}  // namespace pgstrata::layer
