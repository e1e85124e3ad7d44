#include "dockerfile/json_strings.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "dockerfile/characters.h"

namespace pgstrata::dockerfile {
namespace {

constexpr std::size_t kMaxLevels = 10000;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// A scanner over one JSON text without recursion: nesting is a stack of the open brackets.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  [[nodiscard]] bool at(char c) const { return rest_.starts_with(c); }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  std::optional<std::string> string();
  bool value();

 private:
  bool escape(std::string& out);
  std::optional<std::uint32_t> hex();
  bool number();
  bool scalar();
  bool open();

  std::string_view rest_;
  std::string open_;
};

std::optional<std::uint32_t> Scanner::hex() {
  if (rest_.size() < 4) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    constexpr std::string_view kDigits = "0123456789abcdefABCDEF";
    std::size_t digit = kDigits.find(rest_[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    if (digit > 15) digit -= 6;
    value = value * 16 + static_cast<std::uint32_t>(digit);
  }
  rest_.remove_prefix(4);
  return value;
}

bool Scanner::escape(std::string& out) {
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  if (rest_.empty()) return false;
  if (const std::size_t letter = kLetters.find(rest_.front()); letter != std::string_view::npos) {
    out += kMeanings[letter];
    rest_.remove_prefix(1);
    return true;
  }
  if (!take('u')) return false;
  const auto first = hex();
  if (!first) return false;
  if (*first < 0xD800 || *first > 0xDFFF) {
    encode(out, *first);
    return true;
  }
  const std::string_view behind = rest_;
  if (*first < 0xDC00 && take('\\') && take('u')) {
    const auto second = hex();
    if (!second) return false;
    if (*second >= 0xDC00 && *second <= 0xDFFF) {
      encode(out, 0x10000 + ((*first - 0xD800) << 10U) + (*second - 0xDC00));
      return true;
    }
  }
  rest_ = behind;
  out += kReplacement;
  return true;
}

std::optional<std::string> Scanner::string() {
  if (!take('"')) return std::nullopt;
  std::string text;
  while (!rest_.empty()) {
    if (take('"')) return text;
    if (take('\\')) {
      if (!escape(text)) return std::nullopt;
      continue;
    }
    const CodePoint point = decode(rest_);
    if (point.value < 0x20) return std::nullopt;
    text += point.value >= kInvalidByte ? kReplacement : rest_.substr(0, point.size);
    rest_.remove_prefix(point.size);
  }
  return std::nullopt;
}

bool Scanner::number() {
  const auto digits = [this] {
    const std::size_t count = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    rest_.remove_prefix(count);
    return count > 0;
  };
  take('-');
  if (!take('0') && !digits()) return false;
  if (take('.') && !digits()) return false;
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    return digits();
  }
  return true;
}

bool Scanner::scalar() {
  for (const std::string_view word : {"true", "false", "null"}) {
    if (!rest_.starts_with(word)) continue;
    rest_.remove_prefix(word.size());
    return true;
  }
  return at('"') ? string().has_value() : number();
}

// Steps into an array or object that isn't empty; its first member's name is read.
bool Scanner::open() {
  open_ += rest_.front();
  rest_.remove_prefix(1);
  skip_space();
  if (open_.size() > kMaxLevels) return false;
  if (open_.back() == '[') return true;
  if (!string()) return false;
  skip_space();
  return take(':');
}

bool Scanner::value() {
  open_.clear();
  while (true) {
    skip_space();
    if (at('[') || at('{')) {
      Scanner ahead(rest_.substr(1));
      ahead.skip_space();
      if (!ahead.at(at('[') ? ']' : '}')) {
        if (!open()) return false;
        continue;
      }
      rest_ = ahead.rest_.substr(1);
    } else if (!scalar()) {
      return false;
    }
    while (true) {
      if (open_.empty()) return true;
      skip_space();
      if (take(',')) break;
      if (!take(open_.back() == '[' ? ']' : '}')) return false;
      open_.pop_back();
    }
    skip_space();
    if (open_.back() == '[') continue;
    if (!string()) return false;
    skip_space();
    if (!take(':')) return false;
  }
}

}  // namespace

JsonForm parse_json_strings(std::string_view text) {
  Scanner scanner(trim_left(text));
  if (!scanner.take('[')) return NotJson{};
  std::vector<std::string> strings;
  bool only_strings = true;
  scanner.skip_space();
  if (!scanner.take(']')) {
    while (true) {
      scanner.skip_space();
      if (scanner.at('"')) {
        auto string = scanner.string();
        if (!string) return NotJson{};
        strings.push_back(std::move(*string));
      } else {
        if (!scanner.value()) return NotJson{};
        only_strings = false;
      }
      scanner.skip_space();
      if (scanner.take(']')) break;
      if (!scanner.take(',')) return NotJson{};
    }
  }
  scanner.skip_space();
  if (!scanner.at_end()) return NotJson{};
  if (!only_strings) return NotStrings{};
  return strings;
}

}  // namespace pgstrata::dockerfile
