#include "sandbox/subordinate_ids.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace pgstrata::sandbox {
namespace {

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

/// Cuts the text up to `mark` off the front of `rest`.
std::string_view take(std::string_view& rest, char mark) {
  const size_t end = std::min(rest.find(mark), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

}  // namespace

std::vector<IdRange> parse_subordinate_ids(std::string_view text, std::string_view user_name,
                                           std::uint32_t uid) {
  std::vector<IdRange> ranges;
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    const std::string_view owner = take(line, ':');
    const auto first = number(take(line, ':'));
    const auto count = number(line);
    if (!first || !count || *count == 0 || *first > UINT32_MAX - *count) continue;
    if (owner == user_name || number(owner) == uid) ranges.push_back({.first = *first, .count = *count});
  }
  return ranges;
}

std::vector<std::string> map_arguments(std::uint32_t own, const std::vector<IdRange>& ranges) {
  std::vector<std::string> arguments = {"0", std::to_string(own), "1"};
  std::uint64_t inside = 1;
  for (const IdRange& range : ranges) {
    arguments.push_back(std::to_string(inside));
    arguments.push_back(std::to_string(range.first));
    arguments.push_back(std::to_string(range.count));
    inside += range.count;
  }
  return arguments;
}

}  // namespace pgstrata::sandbox
