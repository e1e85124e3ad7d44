#include "dockerfile/heredoc.h"

#include <algorithm>
#include <charconv>

#include "dockerfile/expansion.h"

namespace pgstrata::dockerfile {
namespace {

std::optional<std::string> nothing_set(std::string_view) { return std::nullopt; }

std::ptrdiff_t quotes_in(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return c == '\'' || c == '"'; });
}

}  // namespace

Result<std::optional<Heredoc>> parse_heredoc(std::string_view word) {
  Heredoc heredoc;
  const std::size_t digits = std::min(word.find_first_not_of("0123456789"), word.size());
  std::from_chars(word.data(), word.data() + digits, heredoc.fd);
  word.remove_prefix(digits);
  if (!word.starts_with("<<")) return std::nullopt;
  word.remove_prefix(2);
  heredoc.chomp = word.starts_with('-');
  if (heredoc.chomp) word.remove_prefix(1);
  word.remove_prefix(std::min(word.find_first_not_of(" \t\r\n\f"), word.size()));
  // "<<<" is a here-string of the shell.
  if (word.empty() || word.find('<') != std::string_view::npos) return std::nullopt;

  // The escape directive doesn't reach into heredocs: what is here is for the shell as well.
  const std::vector<std::string> words = TRY(expand_words(word, nothing_set, {.keep_unset = true}));
  if (words.size() != 1) return std::nullopt;
  const std::vector<std::string> raw =
      TRY(expand_words(word, nothing_set, {.keep_quotes = true, .keep_unset = true}));
  heredoc.name = words.front();
  heredoc.expand = raw.size() == 1 && quotes_in(raw.front()) == quotes_in(words.front());
  return heredoc;
}

Result<std::vector<Heredoc>> heredocs_of(std::string_view line) {
  std::vector<Heredoc> found;
  if (line.find("<<") == std::string_view::npos) return found;
  const auto words =
      expand_words(line, nothing_set, {.keep_quotes = true, .keep_escapes = true, .keep_unset = true});
  // A line that can't be split (an open quote, which the shell may understand) has no heredocs.
  if (!words) return found;
  for (const std::string& word : *words) {
    const auto heredoc = TRY(parse_heredoc(word));
    if (heredoc) found.push_back(*heredoc);
  }
  return found;
}

std::string chomped(const Heredoc& heredoc) {
  if (!heredoc.chomp) return heredoc.content;
  std::string text;
  bool line_start = true;
  for (const char c : heredoc.content) {
    if (line_start && c == '\t') continue;
    line_start = c == '\n';
    text += c;
  }
  return text;
}

}  // namespace pgstrata::dockerfile
