#include "layer/compress.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "layer/block_pipeline.h"

namespace pgstrata::layer {
namespace {

constexpr int kGzipLevel = 6;
constexpr int kZstdLevel = 3;
constexpr std::uint64_t kGzipBlock = 1024 * 1024;
constexpr std::uint64_t kZstdBlock = 2 * 1024 * 1024;
/// More would need more memory than pgstrata may use.
constexpr unsigned kMaxThreads = 8;

Error cant_compress(std::string why) {
  return {.kind = ErrorKind::kIo, .what = "can't compress a layer", .why = std::move(why)};
}

/// A piece of one raw deflate stream. All but the last end on a byte boundary, so that they can be put
/// behind each other.
class Deflater final : public BlockEncoder {
 public:
  explicit Deflater(int level) {
    constexpr int kRaw = -15;
    constexpr int kMemoryLevel = 8;
    ready_ = ::deflateInit2(&stream_, level, Z_DEFLATED, kRaw, kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~Deflater() override { ::deflateEnd(&stream_); }

  Result<void> encode(std::span<const std::byte> block, bool last, EncodedBlock& out) override {
    if (!ready_ || ::deflateReset(&stream_) != Z_OK) return fail(cant_compress("zlib has no memory"));
    // zlib's interface isn't const-correct by default; it doesn't write to its input.
    auto* in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(block.data()));
    out.crc =
        static_cast<std::uint32_t>(::crc32(::crc32(0, nullptr, 0), in, static_cast<uInt>(block.size())));
    constexpr std::size_t kFlushMark = 16;  // what Z_SYNC_FLUSH adds, and more
    out.bytes.resize(::deflateBound(&stream_, block.size()) + kFlushMark);
    stream_.next_in = in;
    stream_.avail_in = static_cast<uInt>(block.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.bytes.data());
    stream_.avail_out = static_cast<uInt>(out.bytes.size());
    const int status = ::deflate(&stream_, last ? Z_FINISH : Z_SYNC_FLUSH);
    if (status != (last ? Z_STREAM_END : Z_OK) || stream_.avail_in != 0)
      return fail(cant_compress("zlib returned " + std::to_string(status)));
    out.bytes.resize(out.bytes.size() - stream_.avail_out);
    return {};
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
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

  Result<void> encode(std::span<const std::byte> block, bool /*last*/, EncodedBlock& out) override {
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
  // Magic, deflate, no flags, no time, no hint about the level, operating system unknown.
  constexpr std::array<std::uint8_t, 10> kHeader = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
  TRY_VOID(sink(std::as_bytes(std::span(kHeader))));
  work.block_size = kGzipBlock;
  work.make_encoder = [level] { return std::make_unique<Deflater>(level); };
  auto crc = ::crc32(0, nullptr, 0);
  TRY_VOID(encode_blocks(work, [&](const EncodedBlock& block) {
    crc = ::crc32_combine(crc, block.crc, static_cast<z_off_t>(block.size));
    return sink(block.bytes);
  }));
  const std::array<std::uint32_t, 2> trailer = {static_cast<std::uint32_t>(crc),
                                                static_cast<std::uint32_t>(work.size)};
  return sink(std::as_bytes(std::span(trailer)));
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
