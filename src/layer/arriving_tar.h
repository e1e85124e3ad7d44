// An uncompressed layer in a file that is still being written, for somebody who reads it meanwhile.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>

#include "core/result.h"

namespace pgstrata::layer {

/// One thread writes, one reads the file by a descriptor of its own. Both may be the same if the tar is
/// finished first.
class ArrivingTar {
 public:
  /// The descriptor is borrowed, and of an empty file. `path` is for messages.
  ArrivingTar(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ArrivingTar(const ArrivingTar&) = delete;
  ArrivingTar& operator=(const ArrivingTar&) = delete;

  Result<void> append(std::span<const std::byte> bytes);
  /// All of it is there.
  void finish();
  /// The rest won't come, or isn't wanted: nobody waits any longer.
  void give_up();

  /// The size of the file so far, in bytes. Waits until it is more than `beyond`; if it gets no larger, the
  /// whole size. kCancelled after give_up().
  Result<std::uint64_t> wait_beyond(std::uint64_t beyond);
  /// Bytes that were appended.
  [[nodiscard]] std::uint64_t size() const;

 private:
  const int fd_;
  const std::string path_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t size_ = 0;
  bool finished_ = false;
  bool given_up_ = false;
};

}  // namespace pgstrata::layer
