// GlobPattern: a compiled pattern of Go's filepath.Match, and the pieces of it that .dockerignore's
// patterns share. https://pkg.go.dev/path/filepath#Match
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace pgstrata::filetree {

struct Rune {
  char32_t value;
  std::size_t length;  ///< bytes
};
/// The first code point of `text`, which is not empty. A byte that begins no valid UTF-8 sequence counts
/// as one U+FFFD, as in Go.
[[nodiscard]] Rune decode_rune(std::string_view text);

/// What stands between "[" and "]".
class CharClass {
 public:
  /// Takes the text behind "[" up to and including "]" off `rest`. Nothing if it is malformed.
  static std::optional<CharClass> parse(std::string_view& rest);
  [[nodiscard]] bool contains(char32_t rune) const;

 private:
  bool negated_ = false;
  std::vector<std::pair<char32_t, char32_t>> ranges_;
};

class GlobPattern {
 public:
  /// kUsage for an unterminated or empty class, a range without an end or a backslash at the end.
  static Result<GlobPattern> parse(std::string_view pattern);
  [[nodiscard]] bool matches(std::string_view name) const;

 private:
  struct Piece {
    enum class Kind { kLiteral, kAnyRune, kClass };
    Kind kind;
    std::string literal;
    CharClass char_class;
  };
  /// A run of pieces between stars.
  struct Chunk {
    bool star = false;  ///< a star stands before it
    std::vector<Piece> pieces;
  };

  static bool consume(const std::vector<Piece>& pieces, std::string_view& name);

  std::vector<Chunk> chunks_;
};

}  // namespace pgstrata::filetree
