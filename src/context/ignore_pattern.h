// IgnorePattern: one line of a .dockerignore file, compiled. The grammar is filepath.Match's plus `**`,
// as moby/patternmatcher defines it (https://pkg.go.dev/github.com/moby/patternmatcher). There a pattern
// with wildcards becomes a regular expression, without much care for what else its characters mean in one.
// Here the common forms (a path, a path and `**`, `**` and a name) become a comparison of bytes, those
// with `*`, `?` and `**` alone a list of tokens, and only what has a class, a backslash or a `^` is made a
// regular expression as there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "context/go_regexp.h"
#include "core/result.h"

namespace pgstrata::context {

class IgnorePattern {
 public:
  /// `text` is a cleaned pattern without the leading "!". kUsage if it is malformed.
  static Result<IgnorePattern> parse(std::string text, bool exception);

  [[nodiscard]] const std::string& text() const { return text_; }
  /// True if the pattern matches this very path; parents are the caller's business.
  [[nodiscard]] bool matches(std::string_view path) const;
  /// A line with "!": what it matches is not ignored.
  [[nodiscard]] bool is_exception() const { return exception_; }
  /// False if nothing below `directory` can match (and the directory itself did not).
  [[nodiscard]] bool may_match_below(std::string_view directory) const;

  /// BuildKit stops at an ignored directory if all exceptions are plain prefixes and none begins there. It
  /// looks at the pattern without trailing "/**" and "/*", so the rule is visible in results, and ours too.
  [[nodiscard]] bool is_plain_prefix() const;
  [[nodiscard]] bool prefix_begins_below(std::string_view directory) const;

 private:
  enum class Kind { kExact, kPrefix, kSuffix, kTokens, kRegexp };
  struct Token {
    enum class Kind {
      kLiteral,
      kAnyRune,      ///< "?": one code point, not a slash
      kStar,         ///< "*": anything without a slash
      kDirectories,  ///< "**/" or "**": nothing, or anything that ends with a slash
      kRest,         ///< "**" at the end: anything
    };
    Kind kind;
    std::string literal;
  };
  class Matching;

  Result<void> compile();
  void add_literal(char c);

  std::string text_;
  bool exception_ = false;
  Kind kind_ = Kind::kExact;
  std::string fixed_;            ///< kPrefix, kSuffix: what is compared; else what every match begins with
  std::vector<Token> tokens_;    ///< kTokens
  GoRegexp regexp_;              ///< kRegexp
  std::size_t repetitions_ = 0;  ///< tokens that can match in several ways
};

}  // namespace pgstrata::context
