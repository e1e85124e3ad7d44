#include "layer/compress.h"

#include <libdeflate.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "layer/block_pipeline.h"

namespace pgstrata::layer {
namespace {

constexpr int kGzipLevel = 4;
constexpr int kZstdLevel = 3;
constexpr std::uint64_t kGzipBlock = 1024 * 1024;
constexpr std::uint64_t kZstdBlock = 2 * 1024 * 1024;
/// More would need more memory than pgstrata may use.
constexpr unsigned kMaxThreads = 8;

Error cant_compress(std::string why) {
  return {.kind = ErrorKind::kIo, .what = "can't compress a layer", .why = std::move(why)};
}

struct FreeCompressor {
  void operator()(libdeflate_compressor* compressor) const { ::libdeflate_free_compressor(compressor); }
};

/// Each block is a member of its own (RFC 1952, section 2.2: members may follow each other).
class GzipMembers final : public BlockEncoder {
 public:
  explicit GzipMembers(int level) : compressor_(::libdeflate_alloc_compressor(level)) {}

  Result<void> encode(std::span<const std::byte> block, EncodedBlock& out) override {
    if (!compressor_) return fail(cant_compress("libdeflate has no memory, or no such level"));
    out.bytes.resize(::libdeflate_gzip_compress_bound(compressor_.get(), block.size()));
    const std::size_t size = ::libdeflate_gzip_compress(compressor_.get(), block.data(), block.size(),
                                                        out.bytes.data(), out.bytes.size());
    if (size == 0) return fail(cant_compress("libdeflate needs more room than it said"));
    out.bytes.resize(size);
    return {};
  }

 private:
  std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor_;
};

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ::ZSTD_freeCCtx(context); }
};

/// Each block is a frame of its own (RFC 8878, section 3: frames may follow each other).
class ZstdFrames final : public BlockEncoder {
 public:
  explicit ZstdFrames(int level) : context_(::ZSTD_createCCtx()) {
    ::ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
    ::ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }

  Result<void> encode(std::span<const std::byte> block, EncodedBlock& out) override {
    out.bytes.resize(::ZSTD_compressBound(block.size()));
    const std::size_t size =
        ::ZSTD_compress2(context_.get(), out.bytes.data(), out.bytes.size(), block.data(), block.size());
    if (::ZSTD_isError(size) != 0) return fail(cant_compress(::ZSTD_getErrorName(size)));
    out.bytes.resize(size);
    return {};
  }

 private:
  std::unique_ptr<ZSTD_CCtx, FreeContext> context_;
};

Result<void> gzip(BlockWork work, int level, const ByteSink& sink) {
  work.block_size = kGzipBlock;
  work.make_encoder = [level] { return std::make_unique<GzipMembers>(level); };
  return encode_blocks(work, [&](const EncodedBlock& block) { return sink(block.bytes); });
}

Result<void> zstd(BlockWork work, int level, const ByteSink& sink) {
  work.block_size = kZstdBlock;
  work.make_encoder = [level] { return std::make_unique<ZstdFrames>(level); };
  return encode_blocks(work, [&](const EncodedBlock& block) { return sink(block.bytes); });
}

}  // namespace

Result<Compressed> compress(int blob, std::uint64_t size, const CompressOptions& options,
                            const ByteSink& sink) {
  const unsigned wanted = options.threads == 0 ? std::thread::hardware_concurrency() : options.threads;
  const BlockWork work{.blob = blob, .size = size, .threads = std::clamp(wanted, 1U, kMaxThreads)};
  Compressed result;
  oci::Sha256 hash;
  const ByteSink counted = [&](std::span<const std::byte> bytes) {
    hash.update(bytes);
    result.size += bytes.size();
    return sink(bytes);
  };
  if (options.kind == Compression::kGzip)
    TRY_VOID(gzip(work, options.level == 0 ? kGzipLevel : options.level, counted));
  else
    TRY_VOID(zstd(work, options.level == 0 ? kZstdLevel : options.level, counted));
  result.digest = hash.finish();
  return result;
}

}  // namespace pgstrata::layer
