#include "layer/decompress.h"

#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <vector>

namespace pgstrata::layer {
namespace {

constexpr std::size_t kBufferSize = 256UL * 1024;
constexpr std::size_t kLongestMagic = 4;

using Bytes = std::span<const std::byte>;

Error damaged(const std::string& name, std::string why) {
  return {.kind = ErrorKind::kCorrupt, .what = "a damaged layer", .where = name, .why = std::move(why)};
}

/// Counts, and passes on to who hashes and writes: in another thread as soon as there is much of it.
class Output {
 public:
  Output(const std::string& name, std::uint64_t limit, const ByteSink& sink)
      : name_(name), limit_(limit), stream_(sink) {}

  /// Space to write into; commit() says how much was.
  Result<std::span<std::byte>> room() { return stream_.room(TarStream::kMinimumRoom); }
  Result<void> commit(std::size_t size) {
    if (size > limit_ - stream_.offset())
      return fail({.kind = ErrorKind::kCorrupt,
                   .what = "a layer is too large when uncompressed",
                   .where = name_,
                   .why = fmt::format("more than {} bytes", limit_),
                   .next = "if it may be so large: PGSTRATA_LAYER_LIMIT=BYTES"});
    stream_.commit(size);
    return {};
  }
  Result<void> take(Bytes bytes) {
    while (!bytes.empty()) {
      const std::span<std::byte> space = TRY(room());
      const Bytes part = bytes.first(std::min(space.size(), bytes.size()));
      std::copy(part.begin(), part.end(), space.begin());
      TRY_VOID(commit(part.size()));
      bytes = bytes.subspan(part.size());
    }
    return {};
  }
  Result<Decompressed> finish() {
    const std::uint64_t size = stream_.offset();
    return Decompressed{.digest = TRY(stream_.finish()), .size = size, .compression = {}};
  }

 private:
  const std::string& name_;
  const std::uint64_t limit_;
  TarStream stream_;
};

class Decoder {
 public:
  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  virtual ~Decoder() = default;
  virtual Result<void> take(Bytes bytes, Output& out) = 0;
  /// Whether the bytes so far are a whole file.
  [[nodiscard]] virtual bool is_complete() const = 0;
};

class Plain final : public Decoder {
 public:
  Result<void> take(Bytes bytes, Output& out) override { return out.take(bytes); }
  [[nodiscard]] bool is_complete() const override { return true; }
};

class Gunzip final : public Decoder {
 public:
  explicit Gunzip(const std::string& name) : name_(name) {
    constexpr int kGzipOnly = 15 + 16;
    ready_ = ::inflateInit2(&stream_, kGzipOnly) == Z_OK;
  }
  ~Gunzip() override { ::inflateEnd(&stream_); }

  Result<void> take(Bytes bytes, Output& out) override {
    if (!ready_) return fail({.kind = ErrorKind::kMachine, .what = "zlib has no memory"});
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      if (complete_ && stream_.avail_in > 0) {  // another member
        ::inflateReset(&stream_);
        complete_ = false;
      }
      const std::span<std::byte> space = TRY(out.room());
      stream_.next_out = reinterpret_cast<Bytef*>(space.data());
      stream_.avail_out = static_cast<uInt>(space.size());
      const int status = ::inflate(&stream_, Z_NO_FLUSH);
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
        return fail(damaged(name_, stream_.msg != nullptr ? stream_.msg : "not gzip"));
      complete_ = status == Z_STREAM_END;
      TRY_VOID(out.commit(space.size() - stream_.avail_out));
      if (status == Z_BUF_ERROR) break;
    } while (stream_.avail_in > 0 || stream_.avail_out == 0);
    return {};
  }
  [[nodiscard]] bool is_complete() const override { return complete_; }

 private:
  const std::string& name_;
  z_stream stream_{};
  bool ready_ = false;
  bool complete_ = false;
};

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ::ZSTD_freeDCtx(context); }
};

class Unzstd final : public Decoder {
 public:
  explicit Unzstd(const std::string& name) : name_(name), context_(::ZSTD_createDCtx()) {}

  Result<void> take(Bytes bytes, Output& out) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    bool full = false;
    while (in.pos < in.size || full) {
      const std::span<std::byte> room = TRY(out.room());
      ZSTD_outBuffer space{room.data(), room.size(), 0};
      const std::size_t left = ::ZSTD_decompressStream(context_.get(), &space, &in);
      if (::ZSTD_isError(left) != 0) return fail(damaged(name_, ::ZSTD_getErrorName(left)));
      complete_ = left == 0;
      full = space.pos == space.size && !complete_;
      TRY_VOID(out.commit(space.pos));
    }
    return {};
  }
  [[nodiscard]] bool is_complete() const override { return complete_; }

 private:
  const std::string& name_;
  std::unique_ptr<ZSTD_DCtx, FreeContext> context_;
  bool complete_ = false;
};

std::optional<Compression> compression_of(Bytes beginning) {
  constexpr std::array<std::byte, 2> kGzip = {std::byte{0x1f}, std::byte{0x8b}};
  constexpr std::array<std::byte, 4> kZstd = {std::byte{0x28}, std::byte{0xb5}, std::byte{0x2f},
                                              std::byte{0xfd}};
  const auto begins_with = [&](std::span<const std::byte> magic) {
    return beginning.size() >= magic.size() && std::equal(magic.begin(), magic.end(), beginning.begin());
  };
  if (begins_with(kGzip)) return Compression::kGzip;
  if (begins_with(kZstd)) return Compression::kZstd;
  return std::nullopt;
}

/// As much as there is, up to all of `space`.
Result<std::size_t> fill(int fd, const std::string& name, std::span<std::byte> space) {
  std::size_t have = 0;
  while (have < space.size()) {
    const ssize_t got = ::read(fd, space.data() + have, space.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error("can't read a layer", name));
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  return have;
}

}  // namespace

struct Decompressor::State {
  State(std::string layer_name, std::uint64_t limit, const ByteSink& sink)
      : name(std::move(layer_name)), out(name, limit, sink) {}

  /// By the first bytes, which tell what it is.
  void choose(Bytes beginning) {
    compression = compression_of(beginning);
    if (compression == Compression::kGzip)
      decoder = std::make_unique<Gunzip>(name);
    else if (compression == Compression::kZstd)
      decoder = std::make_unique<Unzstd>(name);
    else
      decoder = std::make_unique<Plain>();
  }

  /// What was held back until there was enough to tell.
  Result<void> begin() {
    choose(Bytes(held));
    return held.empty() ? Result<void>() : decoder->take(Bytes(held), out);
  }

  const std::string name;
  Output out;
  std::vector<std::byte> held;  ///< the first bytes, if they came one by one
  std::unique_ptr<Decoder> decoder;
  std::optional<Compression> compression;
};

Decompressor::Decompressor(std::string name, std::uint64_t limit, const ByteSink& sink)
    : state_(std::make_unique<State>(std::move(name), limit, sink)) {}
Decompressor::~Decompressor() = default;

Result<void> Decompressor::take(std::span<const std::byte> bytes) {
  if (state_->decoder) return state_->decoder->take(bytes, state_->out);
  if (state_->held.empty() && bytes.size() >= kLongestMagic) {
    state_->choose(bytes);
    return state_->decoder->take(bytes, state_->out);
  }
  state_->held.insert(state_->held.end(), bytes.begin(), bytes.end());
  return state_->held.size() >= kLongestMagic ? state_->begin() : Result<void>();
}

Result<Decompressed> Decompressor::finish() {
  if (!state_->decoder) TRY_VOID(state_->begin());
  if (!state_->decoder->is_complete()) return fail(damaged(state_->name, "it ends too early"));
  Decompressed result = TRY(state_->out.finish());
  result.compression = state_->compression;
  return result;
}

Result<Decompressed> decompress(int fd, const std::string& name, std::uint64_t limit,
                                const ByteSink& sink) {
  std::vector<std::byte> buffer(kBufferSize);
  Decompressor decompressor(name, limit, sink);
  for (;;) {
    const std::size_t size = TRY(fill(fd, name, buffer));
    if (size == 0) return decompressor.finish();
    TRY_VOID(decompressor.take(Bytes(buffer).first(size)));
  }
}

}  // namespace pgstrata::layer
