#include "dockerfile/source_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace pgstrata::dockerfile {
namespace {

// A line is shown up to this many bytes, so that a minified one-line script doesn't fill the terminal.
constexpr std::size_t kExcerptBytes = 160;

std::string printable(std::string_view text) {
  std::string shown(text);
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t') c = '?';
  return shown;
}

}  // namespace

SourceText::SourceText(std::string_view text, std::string_view file_name) : file_name_(file_name) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  text_ = text;
  for (std::size_t start = 0; start < text_.size();) {
    starts_.push_back(start);
    const std::size_t newline = text_.find('\n', start);
    start = newline == std::string::npos ? text_.size() : newline + 1;
  }
}

std::string_view SourceText::line(int number) const {
  if (number < 1 || number > line_count()) return {};
  const std::size_t start = starts_[static_cast<std::size_t>(number) - 1];
  const std::size_t end = number == line_count() ? text_.size() : starts_[static_cast<std::size_t>(number)];
  return std::string_view(text_).substr(start, end - start);
}

std::string SourceText::excerpt(const SourceRange& at) const {
  std::string_view shown = line(at.line);
  while (!shown.empty() && (shown.back() == '\n' || shown.back() == '\r')) shown.remove_suffix(1);
  std::size_t column = std::min(static_cast<std::size_t>(std::max(at.column, 1)) - 1, shown.size());
  if (column > kExcerptBytes / 2 && shown.size() > kExcerptBytes) {
    const std::size_t cut = column - kExcerptBytes / 2;
    shown.remove_prefix(cut);
    column -= cut;
  }
  shown = shown.substr(0, kExcerptBytes);
  const std::string number = std::to_string(at.line);
  std::string indent(shown.substr(0, column));
  for (char& c : indent)
    if (c != '\t') c = ' ';
  return fmt::format("{} | {}\n{} | {}^", number, printable(shown), std::string(number.size(), ' '),
                     indent);
}

Error SourceText::error(const SourceRange& at, std::string what, std::string next) const {
  return located({.kind = ErrorKind::kUsage, .what = std::move(what), .next = std::move(next)}, at);
}

Error SourceText::located(Error error, const SourceRange& at) const {
  if (!error.where.empty()) return error;
  error.where = at.line > 0 ? fmt::format("{}:{}:{}", file_name_, at.line, at.column) : file_name_;
  if (error.detail.empty() && at.line > 0) error.detail = excerpt(at);
  return error;
}

}  // namespace pgstrata::dockerfile
