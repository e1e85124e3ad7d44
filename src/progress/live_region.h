// The part of a terminal that is drawn again and again: some lines at the bottom, above which finished
// lines scroll away for good. Turns the new lines into the bytes that replace the old ones.
//
// A frame is one string for one write(): synchronized output on (DEC private mode 2026; others ignore it),
// cursor up to the region's first row, each line with "erase to its end", erase what is below, synchronized
// output off. The cursor rests at the start of the row below the region and is never hidden, so there is
// nothing to restore if the process is killed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "progress/output.h"

namespace pgstrata::progress {

enum class Look { kPlain, kDim, kBold, kGreen, kRed, kYellow };

/// A piece of a line: text without control characters.
struct Span {
  std::string text;
  Look look = Look::kPlain;
};
using Line = std::vector<Span>;

struct Style {
  bool color = true;
  bool unicode = true;
};

class LiveRegion {
 public:
  explicit LiveRegion(Style style) : style_(style) {}

  /// Bytes that put `scrolled` above the region for good, and `live` into it. Live lines are truncated to
  /// the width and to the height (the first ones are left out); scrolled ones are whole, the terminal folds
  /// them.
  [[nodiscard]] std::string frame(const std::vector<Line>& scrolled, const std::vector<Line>& live,
                                  Size size);

 private:
  void append_line(const Line& line, std::size_t columns, std::string_view end, std::string& out) const;
  [[nodiscard]] std::size_t rows_above_cursor(Size size) const;

  Style style_;
  std::vector<std::size_t> drawn_widths_;  ///< of the live lines on the screen
};

}  // namespace pgstrata::progress
