// The patterns of ${name#pattern} and its relatives: '?' is any character, '*' any number of them, a
// backslash takes the meaning from the next one. No brackets. Neither wildcard crosses a newline, as in
// BuildKit. Matching takes time proportional to pattern times text, never more.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pgstrata::dockerfile {

enum class MatchLength { kShortest, kLongest };
enum class Replace { kFirst, kAll };

class ShellPattern {
 public:
  /// kUsage without place: a backslash before a character that needs none, or at the end.
  static Result<ShellPattern> parse(std::string_view pattern);

  /// `text` without the part at its start (end) that matches. Unchanged if nothing does.
  [[nodiscard]] Result<std::string> without_prefix(std::string_view text, MatchLength length) const;
  [[nodiscard]] Result<std::string> without_suffix(std::string_view text, MatchLength length) const;
  /// Leftmost longest matches replaced. An empty pattern matches before every character.
  [[nodiscard]] Result<std::string> replaced(std::string_view text, std::string_view with,
                                             Replace how) const;

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
  using Text = std::vector<char32_t>;

  [[nodiscard]] Result<void> check_cost(const Text& text) const;
  [[nodiscard]] std::optional<std::size_t> match_at_start(const std::vector<Element>& elements,
                                                          const Text& text, MatchLength length) const;
  [[nodiscard]] std::optional<Span> find(const Text& text, std::size_t from) const;

  std::vector<Element> elements_;
};

}  // namespace pgstrata::dockerfile
