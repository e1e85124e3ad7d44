#include "registry/challenge.h"

#include <algorithm>
#include <optional>

namespace pgstrata::registry {
namespace {

bool is_token(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::vector<Challenge> challenges() {
    std::vector<Challenge> found;
    while (true) {
      skip([](char c) { return is_blank(c) || c == ','; });
      const std::string_view word = token();
      if (word.empty()) return found;
      const std::string_view after_word = rest_;
      skip(is_blank);
      if (take('=')) {
        skip(is_blank);
        const auto value = parameter_value();
        if (!value || found.empty()) return found;
        found.back().parameters.try_emplace(lower(word), *value);
        continue;
      }
      if (!after_word.empty() && !is_blank(after_word.front()) && after_word.front() != ',') return found;
      found.push_back({.scheme = lower(word), .parameters = {}});
      skip_token68();
    }
  }

 private:
  template <class Predicate>
  std::string_view skip(Predicate matches) {
    const std::string_view before = rest_;
    while (!rest_.empty() && matches(rest_.front())) rest_.remove_prefix(1);
    return before.substr(0, before.size() - rest_.size());
  }
  std::string_view token() { return skip(is_token); }
  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::optional<std::string> parameter_value() {
    if (!take('"')) {
      const std::string_view word = token();
      if (word.empty()) return std::nullopt;
      return std::string(word);
    }
    std::string value;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return value;
      if (c == '\\') {
        if (rest_.empty()) return std::nullopt;
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      value += c;
    }
    return std::nullopt;  // the quote is never closed
  }

  /// "Negotiate YII=": one blob instead of parameters, which isn't for us.
  void skip_token68() {
    const std::string_view before = rest_;
    skip(is_blank);
    skip([](char c) { return is_token(c) || c == '/'; });
    skip([](char c) { return c == '='; });
    skip(is_blank);
    if (!rest_.empty() && rest_.front() != ',') rest_ = before;
  }

  std::string_view rest_;
};

}  // namespace

std::string Challenge::parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? "" : found->second;
}

std::vector<Challenge> parse_challenges(std::string_view header) { return Reader(header).challenges(); }

}  // namespace pgstrata::registry
