#include "filetree/glob_pattern.h"

#include <algorithm>
#include <cstdint>

namespace pgstrata::filetree {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

// One end of a range in a class. Something must follow it, at least the closing bracket.
std::optional<char32_t> take_class_rune(std::string_view& rest) {
  if (rest.empty() || rest.front() == '-' || rest.front() == ']') return std::nullopt;
  if (rest.front() == '\\') rest.remove_prefix(1);
  if (rest.empty()) return std::nullopt;
  const Rune rune = decode_rune(rest);
  if (rune.value == kReplacement && rune.length == 1) return std::nullopt;
  rest.remove_prefix(rune.length);
  if (rest.empty()) return std::nullopt;
  return rune.value;
}

}  // namespace

Rune decode_rune(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return {kReplacement, 1};
  char32_t value = first & (0x7F >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {kReplacement, 1};
    value = value << 6 | (byte(i) & 0x3F);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < kSmallest[length] || value > 0x10FFFF || surrogate) return {kReplacement, 1};
  return {value, length};
}

std::optional<CharClass> CharClass::parse(std::string_view& rest) {
  CharClass result;
  if (rest.starts_with('^')) {
    result.negated_ = true;
    rest.remove_prefix(1);
  }
  while (result.ranges_.empty() || !rest.starts_with(']')) {
    const auto low = take_class_rune(rest);
    if (!low) return std::nullopt;
    auto high = low;
    if (rest.starts_with('-')) {
      rest.remove_prefix(1);
      high = take_class_rune(rest);
      if (!high) return std::nullopt;
    }
    result.ranges_.emplace_back(*low, *high);
  }
  rest.remove_prefix(1);
  return result;
}

bool CharClass::contains(char32_t rune) const {
  const bool listed = std::any_of(ranges_.begin(), ranges_.end(), [&](const auto& range) {
    return range.first <= rune && rune <= range.second;
  });
  return listed != negated_;
}

Result<GlobPattern> GlobPattern::parse(std::string_view pattern) {
  const auto malformed = [&](std::string why) {
    return fail({.kind = ErrorKind::kUsage,
                 .what = "malformed pattern",
                 .where = std::string(pattern),
                 .why = std::move(why),
                 .next = "write a literal [ as [[], and a literal \\ as \\\\"});
  };
  GlobPattern result;
  std::string_view rest = pattern;
  const auto pieces = [&]() -> std::vector<Piece>& {
    if (result.chunks_.empty()) result.chunks_.emplace_back();
    return result.chunks_.back().pieces;
  };
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '*') {
      if (result.chunks_.empty() || !result.chunks_.back().pieces.empty()) result.chunks_.emplace_back();
      result.chunks_.back().star = true;
    } else if (c == '?') {
      pieces().push_back({Piece::Kind::kAnyRune, {}, {}});
    } else if (c == '[') {
      auto char_class = CharClass::parse(rest);
      if (!char_class) return malformed("a [class] in it is empty or doesn't end");
      pieces().push_back({Piece::Kind::kClass, {}, std::move(*char_class)});
    } else {
      if (c == '\\' && rest.empty()) return malformed("it ends with a backslash");
      const char literal = c == '\\' ? rest.front() : c;
      if (c == '\\') rest.remove_prefix(1);
      auto& run = pieces();
      if (run.empty() || run.back().kind != Piece::Kind::kLiteral)
        run.push_back({Piece::Kind::kLiteral, {}, {}});
      run.back().literal += literal;
    }
  }
  return result;
}

// Takes what the pieces match off the front of `name`; false if they don't.
bool GlobPattern::consume(const std::vector<Piece>& pieces, std::string_view& name) {
  for (const Piece& piece : pieces) {
    if (name.empty()) return false;
    if (piece.kind == Piece::Kind::kLiteral) {
      if (!name.starts_with(piece.literal)) return false;
      name.remove_prefix(piece.literal.size());
      continue;
    }
    const Rune rune = decode_rune(name);
    // A question mark stops at a slash; a class doesn't, in Go either.
    const bool fits =
        piece.kind == Piece::Kind::kAnyRune ? rune.value != U'/' : piece.char_class.contains(rune.value);
    if (!fits) return false;
    name.remove_prefix(rune.length);
  }
  return true;
}

// A star takes as little as lets the chunk behind it match and is never reconsidered: a later star can
// take the rest. That is the rule in Go too, and it shows where a class matches a slash.
bool GlobPattern::matches(std::string_view name) const {
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    const Chunk& chunk = chunks_[i];
    const bool last = i + 1 == chunks_.size();
    if (chunk.pieces.empty()) return name.find('/') == std::string_view::npos;  // a star at the end
    const auto matches_at = [&](std::size_t skipped) {
      std::string_view rest = name.substr(skipped);
      if (!consume(chunk.pieces, rest) || (last && !rest.empty())) return false;
      name = rest;
      return true;
    };
    bool matched = matches_at(0);
    for (std::size_t skip = 0; !matched && chunk.star && skip < name.size() && name[skip] != '/'; ++skip)
      matched = matches_at(skip + 1);
    if (!matched) return false;
  }
  return name.empty();
}

}  // namespace pgstrata::filetree
