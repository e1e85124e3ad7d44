#include "checks/excerpt.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace pgstrata::checks {
namespace {

constexpr const char* kRule = "--------------------\n";

std::string_view shown(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

std::string excerpt(const dockerfile::SourceText& source, const dockerfile::SourceRange& range) {
  // BuildKit counts what follows the last newline as a line, though there is nothing.
  const int lines = source.line_count() + (source.text().ends_with('\n') ? 1 : 0);
  if (range.line < 1 || range.line > lines) return {};
  const int last = std::min(std::max(range.last_line, range.line), lines);
  const int around = last == range.line ? 2 : 1;
  std::string text = fmt::format("{}:{}\n{}", source.file_name(), range.line, kRule);
  for (int line = std::max(range.line - around, 1); line <= std::min(last + around, lines); ++line) {
    const bool meant = line >= range.line && line <= last;
    fmt::format_to(std::back_inserter(text), " {:3} | {} {}\n", line, meant ? ">>>" : "   ",
                   shown(source.line(line)));
  }
  return text + kRule;
}

}  // namespace pgstrata::checks
