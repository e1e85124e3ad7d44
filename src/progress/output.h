// Where a display writes to, and the clock it reads; both have fakes for tests.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace pgstrata::progress {

struct Size {
  std::size_t columns = 80;
  std::size_t rows = 24;
  bool operator==(const Size&) const = default;
};

class Output {
 public:
  Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  virtual ~Output() = default;

  /// Errors are swallowed: a build doesn't fail because nobody reads its log.
  virtual void write(std::string_view text) = 0;
  /// Asked anew for every frame.
  virtual Size size() = 0;
};

/// A descriptor, borrowed; its size by TIOCGWINSZ, or the default where it has none.
class FdOutput final : public Output {
 public:
  explicit FdOutput(int fd) : fd_(fd) {}
  void write(std::string_view text) override;
  Size size() override;

 private:
  int fd_;
};

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;
  /// Monotonic, from any zero.
  [[nodiscard]] virtual std::chrono::duration<double> now() const = 0;
};

class SteadyClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::duration<double> now() const override {
    return std::chrono::steady_clock::now().time_since_epoch();
  }
};

}  // namespace pgstrata::progress
