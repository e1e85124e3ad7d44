// GoRegexp: the part of Go's regular expressions (https://pkg.go.dev/regexp/syntax, flags Perl) that the
// patterns of .dockerignore can become: literals, classes, anchors, escapes, stars and "(.*/)?". What a
// pattern means there by accident (`\d`, a `^` outside a class, a `*` within one) is so what it means here.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace pgstrata::context {

class GoRegexp {
 public:
  /// kUsage says, in `why`, what Go would refuse, or a Unicode class (`\pL`), which isn't known here.
  static Result<GoRegexp> parse(std::string_view text);

  /// The expression begins with "^": it matches from the beginning of `text`, which may hold any bytes.
  [[nodiscard]] bool matches(std::string_view text) const;

  /// Code points, as ranges.
  class Set {
   public:
    void add(char32_t first, char32_t last) { ranges_.emplace_back(first, last); }
    /// All that isn't in `ranges`, which are in order.
    void add_complement(const std::vector<std::pair<char32_t, char32_t>>& ranges);
    void negate() { negated_ = !negated_; }
    [[nodiscard]] bool contains(char32_t rune) const;

   private:
    std::vector<std::pair<char32_t, char32_t>> ranges_;
    bool negated_ = false;
  };
  struct Node {
    enum class Kind {
      kSet,  ///< one code point, or, with `star`, any number of them
      kBegin,
      kEnd,
      kWordBoundary,
      kNoWordBoundary,
      kDirectories,  ///< "(.*/)?"
    };
    Kind kind = Kind::kSet;
    Set set;
    bool star = false;
  };

 private:
  std::vector<Node> nodes_;
};

}  // namespace pgstrata::context
