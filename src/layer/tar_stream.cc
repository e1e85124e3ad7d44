#include "layer/tar_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace pgstrata::layer {
namespace {

// Two of them fit the second-level cache of ordinary machines, so that bytes are hashed where they were
// read.
constexpr std::size_t kBufferSize = 512 * 1024;

}  // namespace

TarStream::TarStream(const ByteSink& sink) : sink_(sink) { buffers_[0].bytes.resize(kBufferSize); }

TarStream::~TarStream() { stop(); }

Result<std::span<std::byte>> TarStream::room(std::size_t wanted) {
  wanted = std::min(wanted, kMinimumRoom);
  if (kBufferSize - buffers_[current_].used < wanted) TRY_VOID(flush());
  return std::span(buffers_[current_].bytes).subspan(buffers_[current_].used);
}

void TarStream::commit(std::size_t size) {
  buffers_[current_].used += size;
  offset_ += size;
}

Result<void> TarStream::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<std::byte> space = TRY(room(bytes.size()));
    const std::size_t part = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), part);
    commit(part);
    bytes.remove_prefix(part);
  }
  return {};
}

Result<void> TarStream::append_zeros(std::size_t count) {
  const std::span<std::byte> space = TRY(room(count));
  std::memset(space.data(), 0, count);
  commit(count);
  return {};
}

Result<void> TarStream::flush() {
  if (!thread_.joinable()) {
    buffers_[1].bytes.resize(kBufferSize);
    thread_ = std::thread([this] { work(); });
  }
  Buffer& full = buffers_[current_];
  full.hashed = false;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return handed_over_ == nullptr || handed_over_->hashed; });
  if (handed_over_ != nullptr) {  // it writes: the hash is free
    lock.unlock();
    hash(full);
    lock.lock();
    changed_.wait(lock, [this] { return handed_over_ == nullptr; });
  }
  if (error_) return fail(*error_);
  handed_over_ = &full;
  changed_.notify_all();
  current_ ^= 1;
  buffers_[current_].used = 0;
  return {};
}

void TarStream::hash(Buffer& buffer) {
  hash_.update(buffer.filled());
  buffer.hashed = true;
}

void TarStream::send(const Buffer& buffer) {
  if (error_) return;
  if (auto done = sink_(buffer.filled()); !done) error_ = std::move(done).error();
}

void TarStream::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || handed_over_ != nullptr; });
    if (handed_over_ == nullptr) return;
    Buffer& buffer = *handed_over_;
    if (!buffer.hashed) {
      lock.unlock();
      hash_.update(buffer.filled());
      lock.lock();
      buffer.hashed = true;
      changed_.notify_all();
    }
    lock.unlock();
    send(buffer);
    lock.lock();
    handed_over_ = nullptr;
    changed_.notify_all();
  }
}

void TarStream::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

Result<oci::Digest> TarStream::finish() {
  stop();  // the thread ends what it has
  hash(buffers_[current_]);
  send(buffers_[current_]);
  if (error_) return fail(*error_);
  return hash_.finish();
}

}  // namespace pgstrata::layer
