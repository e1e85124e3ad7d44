#include "context/ignore.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/clean_path.h"
#include "filetree/glob_pattern.h"

namespace pgstrata::context {
namespace {

constexpr std::size_t kMaxLine = 64 * 1024;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_space(char32_t rune) {
  switch (rune) {
    case U'\t':
    case U'\n':
    case U'\v':
    case U'\f':
    case U'\r':
    case U' ':
    case 0x85:
    case 0xA0:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x202F:
    case 0x205F:
    case 0x3000:
      return true;
    default:
      return rune >= 0x2000 && rune <= 0x200A;
  }
}

// Go's strings.TrimSpace: Unicode's white space, not only ASCII's.
std::string_view trim(std::string_view text) {
  while (!text.empty()) {
    const filetree::Rune rune = filetree::decode_rune(text);
    if (!is_space(rune.value)) break;
    text.remove_prefix(rune.length);
  }
  while (!text.empty()) {
    std::size_t begin = text.size() - 1;
    while (begin > 0 && text.size() - begin < 3 && (text[begin] & '\xC0') == '\x80') --begin;
    const filetree::Rune rune = filetree::decode_rune(text.substr(begin));
    if (begin + rune.length != text.size() || !is_space(rune.value)) break;
    text.remove_suffix(rune.length);
  }
  return text;
}

std::string_view take_line(std::string_view& rest) {
  const auto end = std::min(rest.find('\n'), rest.size());
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// The pattern as the matcher gets it: first as the file's reader cleans it, then as the matcher cleans
// once more. Both steps show: "/!a" is an exception because the slash goes before the matcher looks.
std::string cleaned_pattern(std::string_view line) {
  std::string_view text = trim(line);
  if (text.empty()) return {};
  const bool inverted = text.starts_with('!');
  if (inverted) text = trim(text.substr(1));
  std::string pattern;
  if (!text.empty()) {
    pattern = clean_path(text);
    if (pattern.size() > 1 && pattern.front() == '/') pattern.erase(0, 1);
  }
  if (inverted) pattern.insert(0, 1, '!');
  const std::string_view trimmed = trim(pattern);
  return trimmed.empty() ? std::string() : clean_path(trimmed);
}

}  // namespace

Result<IgnorePatterns> IgnorePatterns::parse(std::string_view text, std::string_view file_name) {
  IgnorePatterns result;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    const auto wrong = [&](std::string why, std::string next) {
      return fail({.kind = ErrorKind::kUsage,
                   .what = "can't use this line",
                   .where = fmt::format("{}:{}", file_name, number),
                   .why = std::move(why),
                   .next = std::move(next)});
    };
    if (line.size() >= kMaxLine) return wrong("it is longer than 64 KiB", "");
    if (line.starts_with('#')) continue;
    std::string pattern = cleaned_pattern(line);
    if (pattern.empty()) continue;
    if (auto added = result.add(std::move(pattern)); !added)
      return wrong(std::move(added.error().why), std::move(added.error().next));
  }
  return result;
}

Result<IgnorePatterns> IgnorePatterns::of(const std::vector<std::string>& patterns) {
  IgnorePatterns result;
  for (const std::string& text : patterns) {
    const std::string_view trimmed = trim(text);
    if (!trimmed.empty()) TRY_VOID(result.add(clean_path(trimmed)));
  }
  return result;
}

Result<void> IgnorePatterns::add(std::string pattern) {
  const auto wrong = [](std::string why, std::string next) {
    return fail({.kind = ErrorKind::kUsage,
                 .what = "can't use a pattern",
                 .why = std::move(why),
                 .next = std::move(next)});
  };
  const bool exception = pattern.front() == '!';
  if (exception) pattern.erase(0, 1);
  if (pattern.empty()) return wrong("there is no pattern behind the !", "name what must not be ignored");
  auto parsed = IgnorePattern::parse(std::move(pattern), exception);
  if (!parsed)
    return wrong(
        fmt::format("{} is a {}: {}", parsed.error().where, parsed.error().what, parsed.error().why),
        parsed.error().next);
  has_exceptions_ |= exception;
  if (exception && !parsed->is_plain_prefix()) plain_exceptions_ = false;
  patterns_.push_back(std::move(*parsed));
  return {};
}

bool IgnorePatterns::ignores_all() const {
  return std::any_of(patterns_.begin(), patterns_.end(), [](const IgnorePattern& pattern) {
    const std::string& text = pattern.text();
    return !pattern.is_exception() && (text == "*" || text == "**" || text == "**/*");
  });
}

IgnorePatterns::Scope IgnorePatterns::root() const {
  Scope scope;
  scope.matched_.assign(patterns_.size(), 0);
  return scope;
}

// A pattern is skipped while it could not change the verdict, and then doesn't count as matched for what
// lies below either. That is how the original goes, and sometimes it shows.
bool IgnorePatterns::evaluate(std::string_view path, const Scope& parent,
                              std::vector<char>* matched) const {
  bool ignored = false;
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    const IgnorePattern& pattern = patterns_[i];
    const bool match =
        parent.matched_[i] != 0 || (pattern.is_exception() == ignored && pattern.matches(path));
    if (match) ignored = !pattern.is_exception();
    if (matched != nullptr) (*matched)[i] = match ? 1 : 0;
  }
  return ignored;
}

bool IgnorePatterns::ignores(std::string_view path, const Scope& parent) const {
  return evaluate(path, parent, nullptr);
}

IgnorePatterns::Scope IgnorePatterns::enter(std::string_view path, const Scope& parent) const {
  Scope scope = root();
  scope.ignored_ = evaluate(path, parent, &scope.matched_);
  return scope;
}

bool IgnorePatterns::may_include_below(std::string_view path) const {
  if (!has_exceptions_) return false;
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const IgnorePattern& pattern) {
    if (!pattern.is_exception()) return false;
    return plain_exceptions_ ? pattern.prefix_begins_below(path) : pattern.may_match_below(path);
  });
}

std::optional<IgnorePatterns::Scope> IgnorePatterns::scope_of(std::string_view directory) const {
  Scope scope = root();
  for (std::size_t end = 0; end < directory.size();) {
    end = std::min(directory.find('/', end + 1), directory.size());
    const std::string_view path = directory.substr(0, end);
    scope = enter(path, scope);
    if (scope.ignored() && !may_include_below(path)) return std::nullopt;
  }
  return scope;
}

}  // namespace pgstrata::context
