// An Output and a Clock for tests.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "progress/output.h"

namespace pgstrata::progress {

class FakeOutput final : public Output {
 public:
  void write(std::string_view text) override {
    const std::lock_guard lock(mutex_);
    writes_.emplace_back(text);
  }
  Size size() override {
    const std::lock_guard lock(mutex_);
    return size_;
  }
  void resize(Size size) {
    const std::lock_guard lock(mutex_);
    size_ = size;
  }
  /// Everything since the last take(), and one entry per write().
  std::string take() {
    std::string all;
    for (const auto& text : take_writes()) all += text;
    return all;
  }
  std::vector<std::string> take_writes() {
    const std::lock_guard lock(mutex_);
    return std::exchange(writes_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> writes_;
  Size size_;
};

class FakeClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::duration<double> now() const override { return time_; }
  void advance(double seconds) { time_ += std::chrono::duration<double>(seconds); }

 private:
  std::chrono::duration<double> time_{1000};
};

}  // namespace pgstrata::progress
