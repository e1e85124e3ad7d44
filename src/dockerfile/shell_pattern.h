// The patterns of ${name#pattern} and its relatives: '?' is any character, '*' any number of them, a
// backslash takes the meaning from the next one. No brackets. Neither wildcard crosses a newline, as in
// BuildKit. Matching takes time proportional to pattern times text, never more, and there is a limit to
// that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pgstrata::dockerfile {

enum class MatchLength { kShortest, kLongest };
enum class Replace { kFirst, kAll };

/// The steps that all the patterns of one word may take together: a value of 128 KiB and a pattern of 127
/// characters. Real words take thousands.
class MatchBudget {
 public:
  /// kUsage without place: not enough are left; then none are taken.
  Result<void> spend(std::size_t steps);
  /// As spend, and takes none.
  [[nodiscard]] Result<void> covers(std::size_t steps) const;

 private:
  std::size_t left_ = std::size_t{1} << 24U;
};

class ShellPattern {
 public:
  /// kUsage without place: a backslash before a character that needs none, or at the end.
  static Result<ShellPattern> parse(std::string_view pattern);

  /// `text` without the part at its start (end) that matches. Unchanged if nothing does.
  Result<std::string> without_prefix(std::string_view text, MatchLength length, MatchBudget& budget) const;
  Result<std::string> without_suffix(std::string_view text, MatchLength length, MatchBudget& budget) const;
  /// Leftmost longest matches replaced. An empty pattern matches before every character.
  Result<std::string> replaced(std::string_view text, std::string_view with, Replace how,
                               MatchBudget& budget) const;

 private:
  enum class Kind : std::uint8_t { kLiteral, kAny, kStar };
  struct Element {
    Kind kind;
    char32_t value;
  };
  struct Span {
    std::size_t begin;
    std::size_t end;
  };
  struct Search {
    std::optional<Span> found;
    std::size_t looked_to;  ///< the end of what was looked at, beyond that of what was found
  };
  using Text = std::vector<char32_t>;

  [[nodiscard]] std::size_t cost(std::size_t characters) const;
  [[nodiscard]] std::optional<std::size_t> match_at_start(const std::vector<Element>& elements,
                                                          const Text& text, MatchLength length) const;
  [[nodiscard]] Search find(const Text& text, std::size_t from) const;

  std::vector<Element> elements_;
};

}  // namespace pgstrata::dockerfile
