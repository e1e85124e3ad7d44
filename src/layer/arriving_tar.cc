#include "layer/arriving_tar.h"

#include "os/file.h"

namespace pgstrata::layer {

Result<void> ArrivingTar::append(std::span<const std::byte> bytes) {
  TRY_VOID(os::write_all(fd_, bytes, path_));
  {
    const std::scoped_lock lock(mutex_);
    size_ += bytes.size();
  }
  changed_.notify_all();
  return {};
}

void ArrivingTar::finish() {
  {
    const std::scoped_lock lock(mutex_);
    finished_ = true;
  }
  changed_.notify_all();
}

void ArrivingTar::give_up() {
  {
    const std::scoped_lock lock(mutex_);
    given_up_ = true;
  }
  changed_.notify_all();
}

Result<std::uint64_t> ArrivingTar::wait_beyond(std::uint64_t beyond) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return given_up_ || finished_ || size_ > beyond; });
  if (given_up_)
    return fail({.kind = ErrorKind::kCancelled, .what = "the rest of a layer didn't come", .where = path_});
  return size_;
}

std::uint64_t ArrivingTar::size() const {
  const std::scoped_lock lock(mutex_);
  return size_;
}

}  // namespace pgstrata::layer
