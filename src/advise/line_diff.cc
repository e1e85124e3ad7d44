#include "advise/line_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace pgstrata::advise {
namespace {

constexpr std::size_t kContext = 3;

using Text = std::vector<std::string_view>;

/// With their line ends.
Text lines_of(std::string_view text) {
  Text lines;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return lines;
}

struct Line {
  char mark = ' ';
  std::string_view text;
};

/// Both texts in one: what is in both, what is in the first only ('-') and what is in the second only
/// ('+').
std::vector<Line> merged(const Text& before, const Text& after) {
  std::vector<std::vector<std::size_t>> common(before.size() + 1,
                                               std::vector<std::size_t>(after.size() + 1, 0));
  for (std::size_t i = before.size(); i-- > 0;)
    for (std::size_t j = after.size(); j-- > 0;)
      common[i][j] =
          before[i] == after[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
  std::vector<Line> lines;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < before.size() || j < after.size()) {
    if (i < before.size() && j < after.size() && before[i] == after[j]) {
      lines.push_back({' ', before[i]});
      ++i, ++j;
    } else if (j == after.size() || (i < before.size() && common[i + 1][j] >= common[i][j + 1])) {
      lines.push_back({'-', before[i++]});
    } else {
      lines.push_back({'+', after[j++]});
    }
  }
  return lines;
}

std::string range_of(std::size_t before, std::size_t count) {
  // An empty range names the line before it.
  if (count == 0) return fmt::format("{},0", before);
  if (count == 1) return fmt::format("{}", before + 1);
  return fmt::format("{},{}", before + 1, count);
}

class Hunks {
 public:
  explicit Hunks(std::vector<Line> lines) : lines_(std::move(lines)) {}

  std::string run() {
    std::size_t at = 0;
    while (at < lines_.size()) {
      const std::size_t change = next_change(at);
      if (change == lines_.size()) break;
      const std::size_t first = change - std::min(kContext, change - at);
      skip(at, first);
      at = end_of(change);
      add(first, at);
    }
    return std::move(text_);
  }

 private:
  [[nodiscard]] std::size_t next_change(std::size_t at) const {
    while (at < lines_.size() && lines_[at].mark == ' ') ++at;
    return at;
  }
  /// The hunk goes on while the next change is so near that their contexts would touch.
  [[nodiscard]] std::size_t end_of(std::size_t change) const {
    for (;;) {
      std::size_t quiet = change;
      while (quiet < lines_.size() && lines_[quiet].mark != ' ') ++quiet;
      const std::size_t next = next_change(quiet);
      if (next == lines_.size() || next - quiet > 2 * kContext)
        return std::min(quiet + kContext, lines_.size());
      change = next;
    }
  }
  void skip(std::size_t from, std::size_t to) { before_ += to - from, after_ += to - from; }

  void add(std::size_t first, std::size_t end) {
    std::size_t before = 0;
    std::size_t after = 0;
    std::string body;
    for (std::size_t i = first; i < end; ++i) {
      if (lines_[i].mark != '+') ++before;
      if (lines_[i].mark != '-') ++after;
      body += lines_[i].mark;
      body += lines_[i].text;
      if (!lines_[i].text.ends_with('\n')) body += "\n\\ No newline at end of file\n";
    }
    text_ += fmt::format("@@ -{} +{} @@\n{}", range_of(before_, before), range_of(after_, after), body);
    before_ += before;
    after_ += after;
  }

  std::vector<Line> lines_;
  std::string text_;
  std::size_t before_ = 0;  ///< lines of each text that are behind us
  std::size_t after_ = 0;
};

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after, std::string_view name) {
  if (before == after) return "";
  return fmt::format("--- a/{}\n+++ b/{}\n{}", name, name,
                     Hunks(merged(lines_of(before), lines_of(after))).run());
}

}  // namespace pgstrata::advise
