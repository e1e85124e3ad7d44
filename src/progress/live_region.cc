#include "progress/live_region.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "progress/text.h"

namespace pgstrata::progress {
namespace {

constexpr std::string_view kBegin = "\x1b[?2026h";
constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();
constexpr std::string_view kEnd = "\x1b[?2026l";

std::string_view code_of(Look look) {
  switch (look) {
    case Look::kPlain:
      return "";
    case Look::kDim:
      return "\x1b[2m";
    case Look::kBold:
      return "\x1b[1m";
    case Look::kGreen:
      return "\x1b[32m";
    case Look::kRed:
      return "\x1b[31m";
    case Look::kYellow:
      return "\x1b[33m";
  }
  return "";
}

std::size_t width_of(const Line& line) {
  std::size_t width = 0;
  for (const Span& span : line) width += display_width(span.text);
  return width;
}

}  // namespace

std::string LiveRegion::frame(const std::vector<Line>& scrolled, const std::vector<Line>& live, Size size) {
  // One row stays free for the cursor; a line as wide as the terminal would leave it in doubt where the
  // cursor is.
  const std::size_t columns = std::max<std::size_t>(size.columns, 2) - 1;
  const std::size_t rows = std::max<std::size_t>(size.rows, 2) - 1;
  std::string out;
  if (drawn_widths_.empty() && live.empty()) {  // nothing to replace: no escape sequences but colours
    for (const Line& line : scrolled) append_line(line, kUnlimited, "\n", out);
    return out;
  }
  out += kBegin;
  out += '\r';
  if (const std::size_t up = rows_above_cursor(size); up > 0) out += fmt::format("\x1b[{}A", up);
  // What was there may be folded differently by now: nothing of it can be drawn over line by line.
  if (!scrolled.empty()) out += "\x1b[J";
  for (const Line& line : scrolled) append_line(line, kUnlimited, "\x1b[K\n", out);
  drawn_widths_.clear();
  for (std::size_t i = live.size() - std::min(live.size(), rows); i < live.size(); ++i) {
    append_line(live[i], columns, "\x1b[K\n", out);
    drawn_widths_.push_back(std::min(width_of(live[i]), columns));
  }
  out += "\x1b[J";
  out += kEnd;
  return out;
}

void LiveRegion::append_line(const Line& line, std::size_t columns, std::string_view end,
                             std::string& out) const {
  for (const Span& span : line) {
    const std::string text = truncate(span.text, columns, style_.unicode);
    const std::string_view code = style_.color ? code_of(span.look) : "";
    out += code;
    out += text;
    if (!code.empty()) out += "\x1b[0m";
    const std::size_t width = display_width(span.text);
    if (width > columns) break;
    columns -= width;
  }
  out += end;
}

/// Terminals that have become narrower fold the lines that no longer fit (tmux, VTE, kitty …), so an old
/// line may stand on several rows.
std::size_t LiveRegion::rows_above_cursor(Size size) const {
  const std::size_t columns = std::max<std::size_t>(size.columns, 1);
  std::size_t rows = 0;
  for (const std::size_t width : drawn_widths_)
    rows += std::max<std::size_t>(1, (width + columns - 1) / columns);
  // Rows that have scrolled out of the screen can't be reached.
  return std::min(rows, std::max<std::size_t>(size.rows, 1) - 1);
}

}  // namespace pgstrata::progress
