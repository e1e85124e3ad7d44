#include "layer/block_pipeline.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace pgstrata::layer {
namespace {

class Pipeline {
 public:
  explicit Pipeline(const BlockWork& work)
      : work_(work),
        count_(std::max<std::uint64_t>(1, (work.size + work.block_size - 1) / work.block_size)) {
    const auto threads = std::clamp<std::uint64_t>(work.threads, 1, count_);
    slots_.resize(2 * threads);
    for (std::uint64_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
  }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
  ~Pipeline() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
  }

  /// The next block, or nothing after the last.
  Result<std::optional<EncodedBlock>> next() {
    std::unique_lock lock(mutex_);
    if (delivered_ == count_) return std::nullopt;
    auto& slot = slots_[delivered_ % slots_.size()];
    changed_.wait(lock, [&] { return slot.has_value() || error_.has_value(); });
    if (error_) return fail(*error_);
    EncodedBlock block = std::move(*slot);
    slot.reset();
    ++delivered_;
    changed_.notify_all();
    return block;
  }

 private:
  void run() {
    const std::unique_ptr<BlockEncoder> encoder = work_.make_encoder();
    std::vector<std::byte> in(std::min(work_.block_size, work_.size));
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(
          lock, [this] { return stopping_ || taken_ == count_ || taken_ < delivered_ + slots_.size(); });
      if (stopping_ || taken_ == count_) return;
      const std::uint64_t index = taken_++;
      lock.unlock();
      auto block = make(*encoder, in, index);
      lock.lock();
      if (block)
        slots_[index % slots_.size()] = *std::move(block);
      else
        error_ = std::move(block).error();
      changed_.notify_all();
    }
  }

  Result<EncodedBlock> make(BlockEncoder& encoder, std::vector<std::byte>& in, std::uint64_t index) const {
    const std::uint64_t start = index * work_.block_size;
    const auto wanted = std::span(in).first(std::min(work_.block_size, work_.size - start));
    std::size_t have = 0;
    while (have < wanted.size()) {
      const auto rest = wanted.subspan(have);
      const ssize_t got = ::pread(work_.blob, rest.data(), rest.size(), static_cast<off_t>(start + have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail(system_error("can't read a layer", ""));
      if (got == 0)
        return fail(
            {.kind = ErrorKind::kIo, .what = "can't compress a layer", .why = "it is shorter than it was"});
      have += static_cast<std::size_t>(got);
    }
    EncodedBlock block;
    TRY_VOID(encoder.encode(wanted, block));
    return block;
  }

  const BlockWork& work_;
  std::uint64_t count_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::optional<EncodedBlock>> slots_;  ///< block i in slot i modulo their number
  std::uint64_t taken_ = 0;
  std::uint64_t delivered_ = 0;
  bool stopping_ = false;
  std::optional<Error> error_;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<void> encode_blocks(const BlockWork& work,
                           const std::function<Result<void>(const EncodedBlock&)>& deliver) {
  Pipeline pipeline(work);
  while (true) {
    const auto block = TRY(pipeline.next());
    if (!block) return {};
    TRY_VOID(deliver(*block));
  }
}

}  // namespace pgstrata::layer
