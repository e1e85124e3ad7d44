#include "dockerfile/line_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "dockerfile/characters.h"

namespace pgstrata::dockerfile {

std::string_view without_newline(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

bool is_comment(std::string_view line) { return trim_left(line).starts_with('#'); }

Result<std::string_view> LineReader::take() {
  const std::string_view line = source_.line(++line_);
  const std::size_t size = line.ends_with('\n') ? line.size() - 1 : line.size();
  if (size > kMaxLineBytes)
    return fail(source_.error(
        {.line = line_, .last_line = line_},
        fmt::format("line longer than the allowed {} bytes", kMaxLineBytes),
        "break it with the escape character at the end of a line, or move the text to a file"));
  return line;
}

bool LineReader::cut_continuation(std::string_view& line) const {
  std::string_view rest = line;
  while (!rest.empty() && (rest.back() == ' ' || rest.back() == '\t')) rest.remove_suffix(1);
  if (!rest.ends_with(escape_)) return false;
  rest.remove_suffix(1);
  // An escaped escape character is a character of the line.
  if (rest.ends_with(escape_)) return false;
  line = rest;
  return true;
}

// As in BuildKit the first byte is dropped whatever it is, so an indented comment keeps its '#'.
void LineReader::note_comment(std::string_view raw, std::vector<std::string>& comments) const {
  if (line_ <= directive_lines_) return;
  const std::string_view text = trim(raw.substr(1));
  if (text.empty())
    comments.clear();
  else
    comments.emplace_back(text);
}

Result<std::optional<LogicalLine>> LineReader::next() {
  std::vector<std::string> comments;
  while (!at_end()) {
    const std::string_view raw = without_newline(TRY(take()));
    std::string_view rest = trim_left(raw);
    if (rest.starts_with('#')) {
      note_comment(raw, comments);
      continue;
    }
    const int column = static_cast<int>(raw.size() - rest.size()) + 1;
    bool more = cut_continuation(rest);
    if (!more && rest.empty()) continue;

    LogicalLine line;
    line.range = {.line = line_, .last_line = line_, .column = column};
    line.text = rest;
    line.comments = std::move(comments);
    line.pieces.push_back({.offset = 0, .line = line_, .column = column});
    while (more && !at_end()) {
      std::string_view part = without_newline(TRY(take()));
      if (is_comment(part)) continue;
      if (trim_left(part).empty()) {
        line.empty_continuation = true;
        continue;
      }
      more = cut_continuation(part);
      line.pieces.push_back({.offset = line.text.size(), .line = line_, .column = 1});
      line.text += part;
    }
    line.range.last_line = line_;
    return line;
  }
  return std::nullopt;
}

Result<std::string> LineReader::heredoc_body(std::string_view terminator, bool chomp,
                                             const SourceRange& marker) {
  std::string body;
  while (!at_end()) {
    const std::string_view raw = TRY(take());
    std::string_view candidate = without_newline(raw);
    if (chomp) candidate.remove_prefix(std::min(candidate.find_first_not_of('\t'), candidate.size()));
    if (candidate == terminator) return body;
    body += raw;
  }
  return fail(
      source_.error(marker, fmt::format("unterminated heredoc: no line is \"{}\"", terminator),
                    fmt::format("end the text with a line that holds {} and nothing else", terminator)));
}

}  // namespace pgstrata::dockerfile
