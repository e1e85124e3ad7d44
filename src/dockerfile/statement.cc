#include "dockerfile/statement.h"

#include "dockerfile/characters.h"

namespace pgstrata::dockerfile {
namespace {

// Reads the words that begin with "--" off the front of `rest`. A lone "--" ends them.
std::vector<Word> take_flags(std::string_view& rest, std::size_t offset, char escape) {
  std::vector<Word> flags;
  const std::string_view whole = rest;
  while (true) {
    rest = trim_left(rest);
    if (!rest.starts_with("--")) return flags;
    Word flag{.text = {}, .offset = offset + static_cast<std::size_t>(rest.data() - whole.data())};
    char quote = '\0';
    while (!rest.empty()) {
      const CodePoint point = decode(rest);
      if (quote == '\0' && is_space(point.value)) break;
      if (quote == '\0' ? (rest.front() == '\'' || rest.front() == '"') : rest.front() == quote) {
        quote = quote == '\0' ? rest.front() : '\0';
        rest.remove_prefix(1);
        continue;
      }
      if (rest.front() == escape) {
        rest.remove_prefix(1);
        if (rest.empty()) break;
      }
      const std::size_t size = decode(rest).size;
      flag.text += rest.substr(0, size);
      rest.remove_prefix(size);
    }
    if (flag.text == "--") return flags;
    flags.push_back(std::move(flag));
  }
}

}  // namespace

Split split_statement(std::string_view line, std::size_t offset, char escape) {
  const std::string_view trimmed = trim(line.substr(offset));
  const std::vector<std::string_view> parts = split_blanks(trimmed, 2);
  Split split{.keyword = parts.front(), .flags = {}, .rest = {}, .rest_offset = line.size()};
  if (parts.size() < 2) return split;
  std::string_view rest = parts.back();
  split.flags = take_flags(rest, static_cast<std::size_t>(rest.data() - line.data()), escape);
  split.rest = trim(rest);
  split.rest_offset = static_cast<std::size_t>(split.rest.data() - line.data());
  return split;
}

std::vector<Word> quoted_words(std::string_view text, std::size_t offset, char escape) {
  std::vector<Word> words;
  const std::string_view whole = text;
  while (true) {
    text = trim_left(text);
    if (text.empty()) return words;
    Word word{.text = {}, .offset = offset + static_cast<std::size_t>(text.data() - whole.data())};
    char quote = '\0';
    while (!text.empty()) {
      CodePoint point = decode(text);
      if (quote == '\0' && is_space(point.value)) break;
      const char c = text.front();
      if (quote == '\0' && (c == '\'' || c == '"'))
        quote = c;
      else if (c == quote)
        quote = '\0';
      // Nothing is escaped within single quotes; at the end of the line the escape character is dropped.
      if (c == escape && quote != '\'') {
        text.remove_prefix(1);
        if (text.empty()) break;
        word.text += c;
        point = decode(text);
      }
      word.text += text.substr(0, point.size);
      text.remove_prefix(point.size);
    }
    if (!word.text.empty()) words.push_back(std::move(word));
  }
}

}  // namespace pgstrata::dockerfile
