#include "progress/text.h"

#include <algorithm>
#include <array>

namespace pgstrata::progress {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// The blocks of combining marks and format characters that occur in program output (Unicode 15,
// general categories Mn, Me, Cf).
constexpr std::array<Range, 15> kZeroWidth{{{0x0300, 0x036F},
                                            {0x0483, 0x0489},
                                            {0x0591, 0x05BD},
                                            {0x0610, 0x061A},
                                            {0x064B, 0x065F},
                                            {0x0E31, 0x0E31},
                                            {0x0E34, 0x0E3A},
                                            {0x1AB0, 0x1AFF},
                                            {0x1DC0, 0x1DFF},
                                            {0x200B, 0x200F},
                                            {0x202A, 0x202E},
                                            {0x2060, 0x2064},
                                            {0x20D0, 0x20FF},
                                            {0xFE00, 0xFE0F},
                                            {0xFE20, 0xFE2F}}};
// East Asian Width W and F.
constexpr std::array<Range, 20> kWide{
    {{0x1100, 0x115F}, {0x231A, 0x231B}, {0x23E9, 0x23EC}, {0x25FD, 0x25FE},   {0x2614, 0x2615},
     {0x26A1, 0x26A1}, {0x2705, 0x2705}, {0x274C, 0x274C}, {0x2753, 0x2755},   {0x2795, 0x2797},
     {0x2E80, 0x303E}, {0x3041, 0xA4CF}, {0xA960, 0xA97F}, {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
     {0xFE30, 0xFE6F}, {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}, {0x1F300, 0x1FAFF}, {0x20000, 0x3FFFD}}};

template <std::size_t N>
bool contains(const std::array<Range, N>& ranges, char32_t code) {
  const auto range = std::lower_bound(ranges.begin(), ranges.end(), code,
                                      [](const Range& r, char32_t value) { return r.last < value; });
  return range != ranges.end() && range->first <= code;
}

/// A line longer than this isn't shown in full anywhere; it keeps a step that never ends its line small.
constexpr std::size_t kLongestLine = 4096;

/// The length of the escape sequence at the start of `text` (ECMA-48: CSI, OSC and the like, or two bytes).
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2) return text.size();
  if (text[1] == '[') {
    for (std::size_t i = 2; i < text.size(); ++i)
      if (text[i] >= '@' && text[i] <= '~') return i + 1;
    return text.size();
  }
  if (text[1] == ']' || text[1] == 'P' || text[1] == '^' || text[1] == '_') {
    for (std::size_t i = 2; i < text.size(); ++i) {
      if (text[i] == '\a') return i + 1;
      if (text[i] == '\x1b') return std::min(i + 2, text.size());
    }
    return text.size();
  }
  // nF sequences (character sets) have intermediate bytes before the final one.
  std::size_t i = 1;
  while (i < text.size() && text[i] >= ' ' && text[i] <= '/') ++i;
  return std::min(i + 1, text.size());
}

bool is_control(char32_t code) { return code < 0x20 || (code >= 0x7F && code < 0xA0); }

}  // namespace

Character first_character(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {.code = lead, .length = 1};
  const Character invalid{.code = 0xFFFD, .length = 1, .valid = false};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return invalid;
  char32_t code = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return invalid;
    code = (code << 6U) | (byte(i) & 0x3FU);
  }
  const char32_t smallest = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < smallest || code > 0x10FFFF || is_surrogate) return invalid;
  return {.code = code, .length = length};
}

std::size_t display_width(char32_t code) {
  if (code < 0x300) return 1;
  if (contains(kZeroWidth, code)) return 0;
  return contains(kWide, code) ? 2 : 1;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Character c = first_character(text);
    width += display_width(c.code);
    text.remove_prefix(c.length);
  }
  return width;
}

std::string truncate(std::string_view text, std::size_t columns, bool unicode) {
  std::size_t width = 0;
  std::size_t end = 0;  // of what fits with the mark after it
  std::size_t position = 0;
  while (position < text.size()) {
    const Character c = first_character(text.substr(position));
    width += display_width(c.code);
    if (width > columns) {
      if (columns == 0) return {};
      return std::string(text.substr(0, end)) + (unicode ? "…" : "~");
    }
    position += c.length;
    if (width < columns) end = position;
  }
  return std::string(text);
}

std::string sanitize(std::string_view line) {
  while (line.ends_with('\r')) line.remove_suffix(1);
  if (const auto overwritten = line.rfind('\r'); overwritten != std::string_view::npos)
    line.remove_prefix(overwritten + 1);
  std::string result;
  result.reserve(line.size());
  while (!line.empty()) {
    const Character c = first_character(line);
    if (c.code == 0x1B) {
      line.remove_prefix(escape_length(line));
      continue;
    }
    if (c.code == '\t') {
      result.append(8 - display_width(result) % 8, ' ');
    } else if (!c.valid) {
      result += '?';
    } else if (!is_control(c.code)) {
      result.append(line.substr(0, c.length));
    }
    line.remove_prefix(c.length);
  }
  return result;
}

void Tail::add(std::string_view piece) {
  for (;;) {
    const auto newline = piece.find('\n');
    const std::string_view part = piece.substr(0, newline);
    rest_.append(part.substr(0, kLongestLine - std::min(kLongestLine, rest_.size())));
    if (newline == std::string_view::npos) return;
    raw_.push_back(std::move(rest_));
    rest_.clear();
    if (raw_.size() > limit_) {
      raw_.pop_front();
      ++dropped_;
    }
    piece.remove_prefix(newline + 1);
  }
}

std::deque<std::string> Tail::lines() const {
  std::deque<std::string> result;
  for (const std::string& line : raw_) result.push_back(sanitize(line));
  if (std::string last = sanitize(rest_); !last.empty()) result.push_back(std::move(last));
  while (result.size() > limit_) result.pop_front();
  return result;
}

}  // namespace pgstrata::progress
