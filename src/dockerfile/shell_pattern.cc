#include "dockerfile/shell_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "dockerfile/characters.h"

namespace pgstrata::dockerfile {
namespace {

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

std::vector<char32_t> code_points(std::string_view text) {
  std::vector<char32_t> points;
  points.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = decode(text);
    points.push_back(point.value);
    text.remove_prefix(point.size);
  }
  return points;
}

std::string utf8(const std::vector<char32_t>& points, std::size_t begin, std::size_t end) {
  std::string text;
  for (std::size_t i = begin; i < end; ++i) encode(text, points[i]);
  return text;
}

}  // namespace

Result<void> MatchBudget::covers(std::size_t steps) const {
  if (steps <= left_) return {};
  return fail({.kind = ErrorKind::kUsage,
               .what = "patterns and values of the substitutions in this word are too long",
               .next = "do this in a RUN step"});
}

Result<void> MatchBudget::spend(std::size_t steps) {
  TRY_VOID(covers(steps));
  left_ -= steps;
  return {};
}

Result<ShellPattern> ShellPattern::parse(std::string_view pattern) {
  ShellPattern parsed;
  const std::vector<char32_t> points = code_points(pattern);
  for (std::size_t i = 0; i < points.size(); ++i) {
    char32_t value = points[i];
    Kind kind = value == '*' ? Kind::kStar : value == '?' ? Kind::kAny : Kind::kLiteral;
    if (value == '\\') {
      const char32_t next = i + 1 < points.size() ? points[++i] : 0;
      // '}' and '/' are escaped for ${}, the others for the pattern.
      if (next != '}' && next != '/' && next != '*' && next != '?' && next != '\\')
        return fail({.kind = ErrorKind::kUsage,
                     .what = fmt::format("invalid escape in the pattern \"{}\"", pattern),
                     .next = "only * ? \\ / and } are escaped in patterns"});
      value = next;
    }
    // Stars side by side match what one matches.
    const bool repeated =
        kind == Kind::kStar && !parsed.elements_.empty() && parsed.elements_.back().kind == Kind::kStar;
    if (!repeated) parsed.elements_.push_back({kind, value});
  }
  return parsed;
}

std::size_t ShellPattern::cost(std::size_t characters) const {
  return (elements_.size() + 1) * (characters + 1);
}

// One state per element, "the elements before it have matched"; all states advance together.
std::optional<std::size_t> ShellPattern::match_at_start(const std::vector<Element>& elements,
                                                        const Text& text, MatchLength length) const {
  const std::size_t accepting = elements.size();
  std::vector<char> live(accepting + 1, 0);
  std::vector<char> next(accepting + 1, 0);
  live[0] = 1;
  std::optional<std::size_t> best;
  for (std::size_t position = 0;; ++position) {
    bool any = false;
    for (std::size_t state = 0; state < accepting; ++state)
      if (live[state] != 0 && elements[state].kind == Kind::kStar) live[state + 1] = 1;
    if (live[accepting] != 0) best = position;
    if ((best && length == MatchLength::kShortest) || position == text.size()) return best;
    const char32_t value = text[position];
    std::fill(next.begin(), next.end(), 0);
    for (std::size_t state = 0; state < accepting; ++state) {
      if (live[state] == 0) continue;
      const Element& element = elements[state];
      if (element.kind == Kind::kLiteral ? element.value != value : value == '\n') continue;
      next[element.kind == Kind::kStar ? state : state + 1] = 1;
      any = true;
    }
    if (!any) return best;
    live.swap(next);
  }
}

// Like match_at_start, with an unanchored start: every state remembers the leftmost begin that reaches it.
// A later begin in the same state can only find what the earlier one finds.
ShellPattern::Search ShellPattern::find(const Text& text, std::size_t from) const {
  const std::size_t accepting = elements_.size();
  std::vector<std::size_t> live(accepting + 1, kNone);
  std::vector<std::size_t> next(accepting + 1, kNone);
  std::optional<Span> best;
  for (std::size_t position = from;; ++position) {
    if (!best) live[0] = std::min(live[0], position);
    for (std::size_t state = 0; state < accepting; ++state)
      if (elements_[state].kind == Kind::kStar) live[state + 1] = std::min(live[state + 1], live[state]);
    if (live[accepting] != kNone && (!best || live[accepting] <= best->begin))
      best = Span{live[accepting], position};
    if (position == text.size()) return {best, position};
    const char32_t value = text[position];
    std::fill(next.begin(), next.end(), kNone);
    bool any = false;
    for (std::size_t state = 0; state < accepting; ++state) {
      const Element& element = elements_[state];
      if (live[state] == kNone || (best && live[state] > best->begin)) continue;
      if (element.kind == Kind::kLiteral ? element.value != value : value == '\n') continue;
      std::size_t& target = next[element.kind == Kind::kStar ? state : state + 1];
      target = std::min(target, live[state]);
      any = true;
    }
    if (best && !any) return {best, position};
    live.swap(next);
  }
}

Result<std::string> ShellPattern::without_prefix(std::string_view text, MatchLength length,
                                                 MatchBudget& budget) const {
  const Text points = code_points(text);
  TRY_VOID(budget.spend(cost(points.size())));
  const auto end = match_at_start(elements_, points, length);
  return end ? utf8(points, *end, points.size()) : std::string(text);
}

Result<std::string> ShellPattern::without_suffix(std::string_view text, MatchLength length,
                                                 MatchBudget& budget) const {
  Text points = code_points(text);
  TRY_VOID(budget.spend(cost(points.size())));
  std::reverse(points.begin(), points.end());
  const std::vector<Element> reversed(elements_.rbegin(), elements_.rend());
  const auto end = match_at_start(reversed, points, length);
  if (!end) return std::string(text);
  std::reverse(points.begin(), points.end());
  return utf8(points, 0, points.size() - *end);
}

Result<std::string> ShellPattern::replaced(std::string_view text, std::string_view with, Replace how,
                                           MatchBudget& budget) const {
  const Text points = code_points(text);
  std::string result;
  std::size_t copied = 0;  // end of the last match
  for (std::size_t from = 0; from <= points.size();) {
    TRY_VOID(budget.covers(cost(points.size() - from)));
    const auto [match, looked_to] = find(points, from);
    TRY_VOID(budget.spend(cost(looked_to - from)));
    if (!match) break;
    result += utf8(points, copied, match->begin);
    // An empty match right behind another match is none.
    const bool counts = match->end > copied || match->begin == 0;
    if (counts) result += with;
    copied = match->end;
    if (how == Replace::kFirst) break;
    from = match->end > from ? match->end : from + 1;
  }
  result += utf8(points, copied, points.size());
  return result;
}

}  // namespace pgstrata::dockerfile
