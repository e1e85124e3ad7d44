#include "dockerfile/expansion.h"

#include <fmt/format.h>

#include "dockerfile/characters.h"
#include "dockerfile/go_syntax.h"
#include "dockerfile/shell_pattern.h"

namespace pgstrata::dockerfile {
namespace {

tl::unexpected<Error> refuse(std::string what, std::string next = {}) {
  return fail({.kind = ErrorKind::kUsage, .what = std::move(what), .next = std::move(next)});
}

std::string printable(const std::string& text) {
  const std::string quoted = quote(text);
  return quoted.substr(1, quoted.size() - 2);
}

// Words split at unquoted white space. An empty quoted word is no word.
class WordList {
 public:
  void add_split(std::string_view text) {
    while (!text.empty()) {
      const CodePoint point = decode(text);
      if (is_space(point.value))
        finish();
      else
        current_ += text.substr(0, point.size);
      text.remove_prefix(point.size);
    }
  }
  void add_whole(std::string_view text) { current_ += text; }
  /// What came before ${name:-word} in the same word is lost when `word` is read: BuildKit's lexer reads
  /// both into one buffer, and an image has the ports that came of it.
  void drop_current() { current_.clear(); }
  void finish() {
    if (current_.empty()) return;
    words_.push_back(std::move(current_));
    current_.clear();
  }
  std::vector<std::string> take() {
    finish();
    return std::move(words_);
  }

 private:
  std::string current_;
  std::vector<std::string> words_;
};

struct Expanded {
  std::string text;
  std::vector<std::string> words;
};

class Expander {
 public:
  Expander(std::string_view word, const Lookup& lookup, const ExpansionRules& rules)
      : rest_(word), lookup_(lookup), rules_(rules), budget_(word.size() + kMaxGrowth) {}

  // Up to `stop`, which is consumed, or with '\0' to the end.
  Result<Expanded> until(char stop, bool keep_escapes);

 private:
  Result<std::string> single_quoted();
  Result<std::string> double_quoted(bool keep_escapes);
  Result<std::string> dollar();
  Result<std::string> braces();
  Result<std::string> with_word(const std::string& name, std::string modifier);
  Result<std::string> trimmed(const std::string& value, std::string_view pattern, char end);
  Result<std::string> replacement(const std::string& name);
  Result<std::string> inner_word(char stop, bool keep_escapes, std::string_view missing);
  std::string variable_name();
  std::string_view heredoc_mark();

  [[nodiscard]] bool at(char c) const { return rest_.starts_with(c); }
  std::string_view take() {
    const std::size_t size = decode(rest_).size;
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
  const Lookup& lookup_;
  const ExpansionRules& rules_;
  std::size_t budget_;
  MatchBudget matching_;
  int depth_ = 0;
  int inner_words_ = 0;  ///< words of ${name:-word} and its like that were read
};

Result<Expanded> Expander::until(char stop, bool keep_escapes) {
  std::string result;
  WordList words;
  while (!rest_.empty()) {
    if (stop != '\0' && at(stop)) {
      rest_.remove_prefix(1);
      return Expanded{std::move(result), words.take()};
    }
    std::string part;
    bool whole = true;
    const int inner = inner_words_;
    if (at('$')) {
      part = TRY(dollar());
      whole = false;
    } else if (at('\'') && rules_.quotes) {
      part = TRY(single_quoted());
    } else if (at('"') && rules_.quotes) {
      part = TRY(double_quoted(keep_escapes));
    } else if (at('<')) {
      part = heredoc_mark();
    } else if (at(rules_.escape)) {
      const std::string_view escape = take();
      if (keep_escapes) part = escape;
      if (!rest_.empty()) part += take();
    } else {
      part = take();
      whole = false;
    }
    result += part;
    if (result.size() > budget_)
      return refuse(fmt::format("a variable grows the text by more than {} KiB", kMaxGrowth >> 10U));
    if (stop == '\0') {  // nobody asks for the words within ${}
      if (inner_words_ != inner) words.drop_current();
      if (whole)
        words.add_whole(part);
      else
        words.add_split(part);
    }
  }
  if (stop != '\0') return refuse(fmt::format("syntax error: missing '{}'", stop));
  return Expanded{std::move(result), words.take()};
}

// "<<", with the blanks after it, so that "<< EOF" is one word.
std::string_view Expander::heredoc_mark() {
  const std::size_t size =
      rest_.starts_with("<<") ? std::min(rest_.find_first_not_of(" \t\r", 2), rest_.size()) : 1;
  const std::string_view mark = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return mark;
}

Result<std::string> Expander::single_quoted() {
  const std::size_t end = rest_.find('\'', 1);
  if (end == std::string_view::npos)
    return refuse("unexpected end of line while looking for the matching single quote");
  const std::string text(rules_.keep_quotes ? rest_.substr(0, end + 1) : rest_.substr(1, end - 1));
  rest_.remove_prefix(end + 1);
  return text;
}

Result<std::string> Expander::double_quoted(bool keep_escapes) {
  std::string text(rules_.keep_quotes ? "\"" : "");
  rest_.remove_prefix(1);
  while (!rest_.empty()) {
    if (text.size() > budget_)
      return refuse(fmt::format("a variable grows the text by more than {} KiB", kMaxGrowth >> 10U));
    if (at('"')) {
      rest_.remove_prefix(1);
      if (rules_.keep_quotes) text += '"';
      return text;
    }
    if (at('$')) {
      text += TRY(dollar());
      continue;
    }
    std::string_view next = take();
    if (next.front() == rules_.escape) {
      if (keep_escapes) text += next;
      if (rest_.empty()) break;
      // Only these are escaped within double quotes; before others the escape character stays. With
      // keep_escapes it then stands there twice, which is what a pattern needs to take it literally.
      if (at('"') || at('$') || at(rules_.escape)) next = take();
    }
    text += next;
  }
  return refuse("unexpected end of line while looking for the matching double quote");
}

std::string Expander::variable_name() {
  constexpr std::string_view kSpecial = "@*#?-$!0";
  if (!rest_.empty() && is_digit(static_cast<unsigned char>(rest_.front()))) {
    const std::size_t size = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    std::string digits(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return digits;
  }
  if (!rest_.empty() && kSpecial.find(rest_.front()) != std::string_view::npos) return std::string(take());
  std::string name;
  while (!rest_.empty()) {
    const char32_t value = decode(rest_).value;
    if (!is_letter(value) && !is_digit(value) && value != '_') break;
    name += take();
  }
  return name;
}

Result<std::string> Expander::dollar() {
  rest_.remove_prefix(1);
  if (at('{')) {
    if (++depth_ > kMaxNesting) return refuse(fmt::format("more than {} nested ${{}}", kMaxNesting));
    rest_.remove_prefix(1);
    auto value = braces();
    --depth_;
    return value;
  }
  const std::string name = variable_name();
  if (name.empty()) return "$";
  const auto value = lookup_(name);
  if (!value && rules_.keep_unset) return "$" + name;
  return value.value_or("");
}

Result<std::string> Expander::braces() {
  constexpr std::string_view kMissing = "syntax error: missing '}'";
  if (rest_.empty()) return refuse(std::string(kMissing));
  if (at('{') || at('}') || at(':')) return refuse("syntax error: bad substitution");
  const std::string name = variable_name();
  if (rest_.empty()) return refuse(std::string(kMissing));
  std::string modifier(take());
  if (modifier == "}") {
    const auto value = lookup_(name);
    if (!value && rules_.keep_unset) return fmt::format("${{{}}}", name);
    return value.value_or("");
  }
  if (modifier == "/") return replacement(name);
  if (modifier == ":" && !rest_.empty()) modifier += take();
  constexpr std::string_view kOperators = "+-?#%";
  const bool known = kOperators.find(modifier.back()) != std::string_view::npos &&
                     !(modifier.size() > 1 && (modifier.back() == '#' || modifier.back() == '%'));
  if (!known)
    return refuse(fmt::format("unsupported modifier ({}) in substitution", printable(modifier)),
                  "known are :- - :+ + :? ? # ## % %% / and //");
  return with_word(name, modifier);
}

Result<std::string> Expander::inner_word(char stop, bool keep_escapes, std::string_view missing) {
  ++inner_words_;
  auto word = until(stop, keep_escapes);
  if (word) return std::move(word->text);
  if (rest_.empty() && word.error().what.starts_with("syntax error: missing"))
    return refuse(std::string(missing));
  return fail(std::move(word).error());
}

Result<std::string> Expander::with_word(const std::string& name, std::string modifier) {
  const char kind = modifier.back();
  const bool pattern = kind == '#' || kind == '%';
  const std::string word = TRY(inner_word('}', pattern, "syntax error: missing '}'"));
  const auto value = lookup_(name);
  if (!value && rules_.keep_unset) return fmt::format("${{{}{}{}}}", name, modifier, word);
  const bool missing = !value || (modifier.size() > 1 && value->empty());
  if (kind == '-') return missing ? word : *value;
  if (kind == '+') return missing ? "" : word;
  if (pattern) return trimmed(value.value_or(""), word, kind);
  if (!missing) return *value;
  const std::string_view state = value ? "is not allowed to be empty" : "is not allowed to be unset";
  return refuse(fmt::format("{}: {}", name, word.empty() ? state : word),
                fmt::format("give it a value: --build-arg {}=… with ARG {} above, or ENV", name, name));
}

Result<std::string> Expander::trimmed(const std::string& value, std::string_view pattern, char end) {
  MatchLength length = MatchLength::kShortest;
  if (pattern.starts_with(end)) {
    length = MatchLength::kLongest;
    pattern.remove_prefix(1);
  }
  const ShellPattern parsed = TRY(ShellPattern::parse(pattern));
  return end == '#' ? parsed.without_prefix(value, length, matching_)
                    : parsed.without_suffix(value, length, matching_);
}

Result<std::string> Expander::replacement(const std::string& name) {
  const bool all = at('/');
  if (all) rest_.remove_prefix(1);
  const std::string pattern = TRY(inner_word('/', true, "syntax error: missing '/' in ${}"));
  const std::string with = TRY(inner_word('}', true, "syntax error: missing '}'"));
  const auto value = lookup_(name);
  if (!value && rules_.keep_unset) return fmt::format("${{{}/{}/{}}}", name, pattern, with);
  const ShellPattern parsed = TRY(ShellPattern::parse(pattern));
  // Growing is bounded before it happens: at most one replacement per byte and one at the end.
  if (all && with.size() > 1 && (value.value_or("").size() + 1) * with.size() > (kMaxGrowth << 6U))
    return refuse("value and replacement of a substitution are too long");
  return parsed.replaced(value.value_or(""), with, all ? Replace::kAll : Replace::kFirst, matching_);
}

}  // namespace

Result<std::string> expand(std::string_view word, const Lookup& lookup, const ExpansionRules& rules) {
  return std::move(TRY(Expander(word, lookup, rules).until('\0', rules.keep_escapes)).text);
}

Result<std::vector<std::string>> expand_words(std::string_view text, const Lookup& lookup,
                                              const ExpansionRules& rules) {
  return std::move(TRY(Expander(text, lookup, rules).until('\0', rules.keep_escapes)).words);
}

}  // namespace pgstrata::dockerfile
