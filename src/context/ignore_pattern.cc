#include "context/ignore_pattern.h"

#include <algorithm>

#include "filetree/glob_pattern.h"

namespace pgstrata::context {
namespace {

// "a/b" begins below "a", and "a" itself does too: the slash is part of the comparison.
bool lies_below(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() && path[directory.size()] == '/' && path.starts_with(directory);
}

/// The pattern as patternmatcher's compile() writes it for Go's regexp: code point by code point, classes
/// not told apart from the rest.
std::string regexp_of(std::string_view rest) {
  std::string regexp = "^";
  const auto take = [&rest] {
    const filetree::Rune rune = filetree::decode_rune(rest);
    const bool broken = rune.value == 0xFFFD && rune.length == 1;
    std::string text(broken ? "\xEF\xBF\xBD" : rest.substr(0, rune.length));
    rest.remove_prefix(rune.length);
    return text;
  };
  while (!rest.empty()) {
    const std::string c = take();
    if (c == "*" && rest.starts_with('*')) {
      rest.remove_prefix(rest.starts_with("*/") ? 2 : 1);
      regexp += rest.empty() ? ".*" : "(.*/)?";
    } else if (c == "*") {
      regexp += "[^/]*";
    } else if (c == "?") {
      regexp += "[^/]";
    } else if (c == "\\" && !rest.empty()) {
      regexp += c + take();
    } else {
      if (c.find_first_of(".+()|{}$") == 0) regexp += '\\';
      regexp += c;
    }
  }
  return regexp + '$';
}

std::string_view without_trailing_glob(std::string_view text) {
  if (text.ends_with("/**")) text.remove_suffix(3);
  if (text.ends_with("/*")) text.remove_suffix(2);
  return text;
}

}  // namespace

/// Backtracking over the tokens. With many stars the pairs (token, position) that failed are remembered,
/// so that the time is at most quadratic.
class IgnorePattern::Matching {
 public:
  Matching(const IgnorePattern& pattern, std::string_view path) : tokens_(pattern.tokens_), path_(path) {
    if (pattern.repetitions_ > 2) failed_.resize(tokens_.size() * (path.size() + 1));
  }

  bool from(std::size_t token, std::size_t at) {
    for (; token < tokens_.size(); ++token) {
      switch (tokens_[token].kind) {
        case Token::Kind::kLiteral:
          if (!path_.substr(at).starts_with(tokens_[token].literal)) return false;
          at += tokens_[token].literal.size();
          break;
        case Token::Kind::kAnyRune: {
          if (at == path_.size()) return false;
          const filetree::Rune rune = filetree::decode_rune(path_.substr(at));
          if (rune.value == U'/') return false;
          at += rune.length;
          break;
        }
        case Token::Kind::kStar:
        case Token::Kind::kDirectories:
          return repeat(token, at);
        case Token::Kind::kRest:
          return path_.find('\n', at) == std::string_view::npos;
      }
    }
    return at == path_.size();
  }

 private:
  bool repeat(std::size_t token, std::size_t at) {
    const std::size_t key = token * (path_.size() + 1) + at;
    if (!failed_.empty() && failed_[key]) return false;
    const bool matched =
        tokens_[token].kind == Token::Kind::kStar ? star(token, at) : directories(token, at);
    if (!matched && !failed_.empty()) failed_[key] = true;
    return matched;
  }

  bool star(std::size_t token, std::size_t at) {
    for (;;) {
      if (from(token + 1, at)) return true;
      if (at == path_.size() || path_[at] == '/') return false;
      at += filetree::decode_rune(path_.substr(at)).length;
    }
  }

  // The regular expression behind "**" is "." repeated, which stops at a newline.
  bool directories(std::size_t token, std::size_t at) {
    if (from(token + 1, at)) return true;
    for (; at < path_.size() && path_[at] != '\n'; ++at)
      if (path_[at] == '/' && from(token + 1, at + 1)) return true;
    return false;
  }

  const std::vector<Token>& tokens_;
  std::string_view path_;
  std::vector<bool> failed_;
};

Result<IgnorePattern> IgnorePattern::parse(std::string text, bool exception) {
  static_cast<void>(TRY(filetree::GlobPattern::parse(text)));  // for its syntax errors
  IgnorePattern pattern;
  pattern.text_ = std::move(text);
  pattern.exception_ = exception;
  TRY_VOID(pattern.compile());
  return pattern;
}

void IgnorePattern::add_literal(char c) {
  if (tokens_.empty() || tokens_.back().kind != Token::Kind::kLiteral)
    tokens_.push_back({Token::Kind::kLiteral, {}});
  tokens_.back().literal += c;
}

Result<void> IgnorePattern::compile() {
  bool odd = false;  // something in it means more in a regular expression
  std::string_view rest = text_;
  const auto add = [&](Token::Kind kind) {
    tokens_.push_back({kind, {}});
    kind_ = Kind::kTokens;
  };
  for (bool first = true; !rest.empty(); first = false) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '*' && rest.starts_with('*')) {
      rest.remove_prefix(rest.starts_with("*/") ? 2 : 1);
      if (rest.empty() && kind_ == Kind::kExact)
        kind_ = Kind::kPrefix;
      else
        add(rest.empty() ? Token::Kind::kRest : Token::Kind::kDirectories);
      if (first) kind_ = Kind::kSuffix;  // unless a wildcard follows
    } else if (c == '*') {
      add(Token::Kind::kStar);
    } else if (c == '?') {
      add(Token::Kind::kAnyRune);
    } else {
      odd |= c == '[' || c == '\\' || c == '^';
      if (c == '[' || c == ']' || c == '\\') kind_ = Kind::kTokens;
      add_literal(c);
      if (c == '\\' && !rest.empty()) rest.remove_prefix(1);
    }
  }
  if (odd && kind_ == Kind::kTokens) {
    auto regexp = GoRegexp::parse(regexp_of(text_));
    if (!regexp) {
      regexp.error().where = text_;
      regexp.error().next = "write a literal [ as [[], and a literal \\ as \\\\";
      return fail(std::move(regexp).error());
    }
    regexp_ = std::move(*regexp);
    kind_ = Kind::kRegexp;
    tokens_.clear();
    fixed_ = text_.substr(0, text_.find_first_of("*?[]^\\"));
    return {};
  }
  repetitions_ = static_cast<std::size_t>(std::count_if(tokens_.begin(), tokens_.end(), [](const Token& t) {
    return t.kind == Token::Kind::kStar || t.kind == Token::Kind::kDirectories;
  }));
  if (kind_ == Kind::kPrefix)
    fixed_ = text_.substr(0, text_.size() - 2);
  else if (kind_ == Kind::kSuffix)
    fixed_ = text_.substr(2);
  else if (!tokens_.empty() && tokens_.front().kind == Token::Kind::kLiteral)
    fixed_ = tokens_.front().literal;
  return {};
}

bool IgnorePattern::matches(std::string_view path) const {
  switch (kind_) {
    case Kind::kExact:
      return path == text_;
    case Kind::kPrefix:
      return path.starts_with(fixed_);
    case Kind::kSuffix:
      return path.ends_with(fixed_) ||
             (fixed_.starts_with('/') && path == std::string_view(fixed_).substr(1));
    case Kind::kRegexp:
      return path.starts_with(fixed_) && regexp_.matches(path);
    case Kind::kTokens:
      break;
  }
  if (!path.starts_with(fixed_)) return false;
  const Token& last = tokens_.back();
  if (last.kind == Token::Kind::kLiteral && !path.ends_with(last.literal)) return false;
  return Matching(*this, path).from(0, 0);
}

bool IgnorePattern::may_match_below(std::string_view directory) const {
  if (kind_ == Kind::kSuffix) return true;
  if (kind_ == Kind::kExact) return lies_below(text_, directory);
  const std::string below = std::string(directory) + "/";
  return below.starts_with(fixed_) || fixed_.starts_with(below);
}

bool IgnorePattern::is_plain_prefix() const {
  return without_trailing_glob(text_).find_first_of("*[]?^\\") == std::string_view::npos;
}

bool IgnorePattern::prefix_begins_below(std::string_view directory) const {
  const std::string_view prefix = without_trailing_glob(text_);
  return prefix == directory || lies_below(prefix, directory);
}

}  // namespace pgstrata::context
