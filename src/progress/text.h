// Text on a terminal: UTF-8 and its display width, and what a step writes made harmless.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace pgstrata::progress {

/// One decoded character; `valid` false (and length 1) for a byte that isn't UTF-8.
struct Character {
  char32_t code = 0;
  std::size_t length = 0;
  bool valid = true;
};
/// Of a non-empty text.
[[nodiscard]] Character first_character(std::string_view text);

/// Columns: 0 for combining marks, 2 for East Asian wide characters and emoji, else 1 (UAX #11).
[[nodiscard]] std::size_t display_width(char32_t code);
[[nodiscard]] std::size_t display_width(std::string_view text);

/// At most `columns` wide; what was cut off is marked by a last "…" (or "~" without `unicode`).
[[nodiscard]] std::string truncate(std::string_view text, std::size_t columns, bool unicode);

/// A line without escape sequences and control characters; tabs become spaces, bytes that aren't UTF-8 "?",
/// and what a carriage return overwrote is dropped.
[[nodiscard]] std::string sanitize(std::string_view line);

/// The last lines of a stream of pieces, sanitized, the unfinished one included.
class Tail {
 public:
  explicit Tail(std::size_t lines) : limit_(lines) {}
  void add(std::string_view piece);
  /// All kept lines, oldest first; the unfinished line last if it isn't empty.
  [[nodiscard]] std::deque<std::string> lines() const;
  [[nodiscard]] std::size_t dropped() const { return dropped_; }

 private:
  std::size_t limit_;
  std::size_t dropped_ = 0;
  std::deque<std::string> raw_;
  std::string rest_;
};

}  // namespace pgstrata::progress
