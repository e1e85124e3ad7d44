// The way of a layer's bytes out of the writer: a buffer that is hashed and handed to a sink when full.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "core/result.h"
#include "oci/digest.h"

namespace pgstrata::layer {

/// Takes the next bytes of a stream. It may be called from another thread than the one that started the
/// work, but never by two at once, and not after the function it was given to has returned.
using ByteSink = std::function<Result<void>(std::span<const std::byte>)>;

/// A layer's files are hashed twice (each one's content, and the whole tar), so a big layer uses a second
/// thread: the caller reads and hashes content into one buffer while the other is written. The tar is
/// hashed by who has the time: by the thread when it gets a buffer, unless the caller had to wait for it
/// and did so meanwhile. The thread starts when the first buffer is full; most layers never fill one.
class TarStream {
 public:
  explicit TarStream(const ByteSink& sink);
  TarStream(const TarStream&) = delete;
  TarStream& operator=(const TarStream&) = delete;
  ~TarStream();

  /// Room of at least `wanted` bytes (up to kMinimumRoom) to write into; commit() says how much was.
  static constexpr std::size_t kMinimumRoom = 64 * 1024;
  Result<std::span<std::byte>> room(std::size_t wanted);
  void commit(std::size_t size);
  Result<void> append(std::string_view bytes);
  Result<void> append_zeros(std::size_t count);
  /// Bytes so far.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  /// Sends the rest; the digest of all bytes.
  Result<oci::Digest> finish();

 private:
  struct Buffer {
    std::vector<std::byte> bytes;
    std::size_t used = 0;
    bool hashed = false;
    [[nodiscard]] std::span<const std::byte> filled() const { return std::span(bytes).first(used); }
  };

  Result<void> flush();
  void hash(Buffer& buffer);
  void send(const Buffer& buffer);
  void work();
  void stop();

  const ByteSink& sink_;
  oci::Sha256 hash_;
  std::uint64_t offset_ = 0;
  std::array<Buffer, 2> buffers_;
  std::size_t current_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  Buffer* handed_over_ = nullptr;  ///< what the thread works on; as long as it isn't hashed, so is hash_
  bool stopping_ = false;
  std::optional<Error> error_;  ///< the sink's first
  std::thread thread_;
};

}  // namespace pgstrata::layer
