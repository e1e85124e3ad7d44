#include "context/go_regexp.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "filetree/glob_pattern.h"

namespace pgstrata::context {
namespace {

using filetree::decode_rune;
using filetree::Rune;
using Node = GoRegexp::Node;
using Ranges = std::vector<std::pair<char32_t, char32_t>>;
using Set = GoRegexp::Set;

constexpr char32_t kLargest = 0x10FFFF;
constexpr std::string_view kDirectories = "(.*/)?";

struct NamedRanges {
  std::string_view name;
  Ranges ranges;
};

const std::vector<NamedRanges>& posix_classes() {
  static const std::vector<NamedRanges> classes = {
      {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
      {"alpha", {{'A', 'Z'}, {'a', 'z'}}},
      {"ascii", {{0, 0x7F}}},
      {"blank", {{'\t', '\t'}, {' ', ' '}}},
      {"cntrl", {{0, 0x1F}, {0x7F, 0x7F}}},
      {"digit", {{'0', '9'}}},
      {"graph", {{'!', '~'}}},
      {"lower", {{'a', 'z'}}},
      {"print", {{' ', '~'}}},
      {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
      {"space", {{'\t', '\r'}, {' ', ' '}}},
      {"upper", {{'A', 'Z'}}},
      {"word", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
      {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
  };
  return classes;
}

/// Perl's: those of \d, \s and \w.
const Ranges* perl_class(char lower) {
  static const Ranges digits = {{'0', '9'}};
  static const Ranges spaces = {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
  static const Ranges words = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
  return lower == 'd' ? &digits : lower == 's' ? &spaces : lower == 'w' ? &words : nullptr;
}

void add(Set& set, const Ranges& ranges, bool negated) {
  if (negated) return set.add_complement(ranges);
  for (const auto& [first, last] : ranges) set.add(first, last);
}

bool is_word(char32_t rune) {
  return rune == U'_' || (rune >= U'0' && rune <= U'9') || (rune >= U'A' && rune <= U'Z') ||
         (rune >= U'a' && rune <= U'z');
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

tl::unexpected<Error> malformed(std::string why) {
  return fail({.kind = ErrorKind::kUsage, .what = "malformed pattern", .why = std::move(why)});
}

/// regexp/syntax, parse.go, as far as it is needed.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Result<std::vector<Node>> parse() {
    while (!rest_.empty()) TRY_VOID(take_node());
    return std::move(nodes_);
  }

 private:
  void push(Node::Kind kind) { nodes_.push_back({.kind = kind, .set = {}}); }
  void push(Set set) { nodes_.push_back({.kind = Node::Kind::kSet, .set = std::move(set)}); }
  void push_rune(char32_t rune) {
    Set set;
    set.add(rune, rune);
    push(std::move(set));
  }

  char32_t take_rune() {
    const Rune rune = decode_rune(rest_);
    rest_.remove_prefix(rune.length);
    return rune.value;
  }

  Result<void> take_node() {
    if (rest_.starts_with(kDirectories)) {
      rest_.remove_prefix(kDirectories.size());
      push(Node::Kind::kDirectories);
      return {};
    }
    switch (rest_.front()) {
      case '[':
        return take_class();
      case '\\':
        return take_escaped_node();
      case '*':  // always behind a class or a dot
        rest_.remove_prefix(1);
        if (nodes_.empty() || nodes_.back().kind != Node::Kind::kSet) return malformed("nothing to repeat");
        nodes_.back().star = true;
        return {};
      case '^':
        rest_.remove_prefix(1);
        push(Node::Kind::kBegin);
        return {};
      case '$':
        rest_.remove_prefix(1);
        push(Node::Kind::kEnd);
        return {};
      case '.': {
        rest_.remove_prefix(1);
        Set all_but_newline;
        all_but_newline.add('\n', '\n');
        all_but_newline.negate();
        push(std::move(all_but_newline));
        return {};
      }
      default:
        push_rune(take_rune());
        return {};
    }
  }

  Result<void> take_escaped_node() {
    const char what = rest_.size() > 1 ? rest_[1] : '\0';
    constexpr std::array<std::pair<char, Node::Kind>, 4> kAssertions = {
        {{'A', Node::Kind::kBegin},
         {'z', Node::Kind::kEnd},
         {'b', Node::Kind::kWordBoundary},
         {'B', Node::Kind::kNoWordBoundary}}};
    for (const auto& [letter, kind] : kAssertions) {
      if (what != letter) continue;
      rest_.remove_prefix(2);
      push(kind);
      return {};
    }
    if (what == 'Q') {  // what follows is meant literally, up to \E
      rest_.remove_prefix(2);
      while (!rest_.empty() && !rest_.starts_with("\\E")) push_rune(take_rune());
      rest_.remove_prefix(std::min<std::size_t>(2, rest_.size()));
      return {};
    }
    Set set;
    if (!TRY(take_set_escape(set))) {
      const char32_t rune = TRY(take_escape());
      set.add(rune, rune);
    }
    push(std::move(set));
    return {};
  }

  /// \d, \S and the like. False if it is another escape.
  Result<bool> take_set_escape(Set& set) {
    if (!rest_.starts_with('\\') || rest_.size() < 2) return false;
    const char letter = rest_[1];
    if (letter == 'p' || letter == 'P')
      return malformed("it names a Unicode class, which isn't known here");
    const bool negated = letter == 'D' || letter == 'S' || letter == 'W';
    const Ranges* ranges = perl_class(negated ? static_cast<char>(letter - 'A' + 'a') : letter);
    if (ranges == nullptr) return false;
    rest_.remove_prefix(2);
    add(set, *ranges, negated);
    return true;
  }

  /// The code point that a backslash and what follows it stand for.
  Result<char32_t> take_escape() {
    const std::string_view before = rest_;
    rest_.remove_prefix(1);
    if (rest_.empty()) return malformed("it ends with a backslash");
    const char32_t rune = take_rune();
    constexpr std::array<std::pair<char32_t, char32_t>, 6> kLetters = {
        {{U'a', 7}, {U'f', U'\f'}, {U'n', U'\n'}, {U'r', U'\r'}, {U't', U'\t'}, {U'v', U'\v'}}};
    for (const auto& [letter, meant] : kLetters)
      if (rune == letter) return meant;
    const auto is_octal = [this] { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '7'; };
    if (rune == U'0' || (rune >= U'1' && rune <= U'7' && is_octal())) {
      char32_t value = rune - U'0';
      for (int digits = 1; digits < 3 && is_octal(); ++digits, rest_.remove_prefix(1))
        value = value * 8 + static_cast<char32_t>(rest_.front() - '0');
      return value;
    }
    if (rune == U'x' && rest_.size() >= 2 && hex_value(rest_[0]) >= 0 && hex_value(rest_[1]) >= 0) {
      const int value = 16 * hex_value(rest_[0]) + hex_value(rest_[1]);
      rest_.remove_prefix(2);
      return static_cast<char32_t>(value);
    }
    const bool is_alphanumeric = is_word(rune) && rune != U'_';
    if (rune < 0x80 && !is_alphanumeric) return rune;
    return malformed(fmt::format("there is no escape {}", before.substr(0, before.size() - rest_.size())));
  }

  /// [:alpha:] and the like. False if it isn't one.
  Result<bool> take_posix_class(Set& set) {
    const std::size_t end = rest_.starts_with("[:") ? rest_.find(":]", 2) : std::string_view::npos;
    if (end == std::string_view::npos) return false;
    std::string_view name = rest_.substr(2, end - 2);
    const bool negated = name.starts_with('^');
    if (negated) name.remove_prefix(1);
    for (const NamedRanges& known : posix_classes()) {
      if (known.name != name) continue;
      add(set, known.ranges, negated);
      rest_.remove_prefix(end + 2);
      return true;
    }
    return malformed(fmt::format("there is no class {}", rest_.substr(0, end + 2)));
  }

  Result<char32_t> take_class_rune() {
    if (rest_.empty()) return malformed("a [class] in it doesn't end");
    if (rest_.front() == '\\') return take_escape();
    return take_rune();
  }

  Result<void> take_class() {
    Set set;
    rest_.remove_prefix(1);
    const bool negated = rest_.starts_with('^');
    if (negated) rest_.remove_prefix(1);
    for (bool first = true; first || !rest_.starts_with(']'); first = false) {
      if (TRY(take_posix_class(set))) continue;
      if (TRY(take_set_escape(set))) continue;
      const char32_t low = TRY(take_class_rune());
      char32_t high = low;
      if (rest_.size() > 1 && rest_[0] == '-' && rest_[1] != ']') {
        rest_.remove_prefix(1);
        high = TRY(take_class_rune());
        if (high < low) return malformed("a range in a [class] ends before it begins");
      }
      set.add(low, high);
    }
    rest_.remove_prefix(1);
    if (negated) set.negate();
    push(std::move(set));
    return {};
  }

  std::string_view rest_;
  std::vector<Node> nodes_;
};

/// Backtracking. With several nodes that repeat, the pairs (node, position) that failed are remembered, so
/// that the time is at most quadratic.
class Matching {
 public:
  Matching(const std::vector<Node>& nodes, std::string_view text) : nodes_(nodes), text_(text) {
    const auto repeats = [](const Node& node) {
      return node.star || node.kind == Node::Kind::kDirectories;
    };
    if (std::count_if(nodes.begin(), nodes.end(), repeats) > 2)
      failed_.resize(nodes.size() * (text.size() + 1));
  }

  bool from(std::size_t node, std::size_t at) {
    for (; node < nodes_.size(); ++node) {
      const Node& now = nodes_[node];
      if (now.star || now.kind == Node::Kind::kDirectories) return repeat(node, at);
      if (now.kind == Node::Kind::kSet) {
        if (at == text_.size()) return false;
        const Rune rune = decode_rune(text_.substr(at));
        if (!now.set.contains(rune.value)) return false;
        at += rune.length;
      } else if (!holds(now.kind, at)) {
        return false;
      }
    }
    return true;
  }

 private:
  [[nodiscard]] bool holds(Node::Kind assertion, std::size_t at) const {
    if (assertion == Node::Kind::kBegin) return at == 0;
    if (assertion == Node::Kind::kEnd) return at == text_.size();
    const auto is_word_byte = [](char c) { return is_word(static_cast<unsigned char>(c)); };
    const bool before = at > 0 && is_word_byte(text_[at - 1]);
    const bool after = at < text_.size() && is_word_byte(text_[at]);
    return (before != after) == (assertion == Node::Kind::kWordBoundary);
  }

  bool repeat(std::size_t node, std::size_t at) {
    const std::size_t key = node * (text_.size() + 1) + at;
    if (!failed_.empty() && failed_[key]) return false;
    const bool matched = nodes_[node].star ? star(node, at) : directories(node, at);
    if (!matched && !failed_.empty()) failed_[key] = true;
    return matched;
  }

  bool star(std::size_t node, std::size_t at) {
    for (;;) {
      if (from(node + 1, at)) return true;
      if (at == text_.size()) return false;
      const Rune rune = decode_rune(text_.substr(at));
      if (!nodes_[node].set.contains(rune.value)) return false;
      at += rune.length;
    }
  }

  bool directories(std::size_t node, std::size_t at) {
    if (from(node + 1, at)) return true;
    for (; at < text_.size() && text_[at] != '\n'; ++at)
      if (text_[at] == '/' && from(node + 1, at + 1)) return true;
    return false;
  }

  const std::vector<Node>& nodes_;
  std::string_view text_;
  std::vector<bool> failed_;
};

}  // namespace

void GoRegexp::Set::add_complement(const Ranges& ranges) {
  char32_t next = 0;
  for (const auto& [first, last] : ranges) {
    if (first > next) add(next, first - 1);
    next = last + 1;
  }
  add(next, kLargest);
}

bool GoRegexp::Set::contains(char32_t rune) const {
  const bool listed = std::any_of(ranges_.begin(), ranges_.end(), [rune](const auto& range) {
    return range.first <= rune && rune <= range.second;
  });
  return listed != negated_;
}

Result<GoRegexp> GoRegexp::parse(std::string_view text) {
  GoRegexp regexp;
  regexp.nodes_ = TRY(Parser(text).parse());
  return regexp;
}

bool GoRegexp::matches(std::string_view text) const { return Matching(nodes_, text).from(0, 0); }

}  // namespace pgstrata::context
