// One logical line taken apart: the instruction's keyword, its flags and what is left, with the places
// of all, before the instruction's own grammar is applied.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/heredoc.h"
#include "dockerfile/line_reader.h"
#include "dockerfile/source_text.h"

namespace pgstrata::dockerfile {

/// A part of a line without its quotes and escapes.
struct Word {
  std::string text;
  std::size_t offset = 0;  ///< where it begins in the line
};

struct Split {
  std::string_view keyword;
  std::vector<Word> flags;  ///< the leading words that begin with "--"
  std::string_view rest;    ///< trimmed
  std::size_t rest_offset = 0;
};

/// `line` from `offset` on. Views point into `line`.
[[nodiscard]] Split split_statement(std::string_view line, std::size_t offset, char escape);

/// Splits at white space; quoted parts and escaped characters stay together, and quotes and escapes stay
/// in the words: expansion takes them out.
[[nodiscard]] std::vector<Word> quoted_words(std::string_view text, std::size_t offset, char escape);

/// What the parsers of single instructions get.
struct Statement {
  const SourceText& source;
  const LogicalLine& line;
  Split split;
  char escape = '\\';
  std::vector<Heredoc> heredocs;

  [[nodiscard]] Error error(std::string what, std::string next = {}) const {
    return error_at(offset_of(split.keyword), std::move(what), std::move(next));
  }
  [[nodiscard]] Error error_at(std::size_t offset, std::string what, std::string next = {}) const {
    return source.error(line.position(offset), std::move(what), std::move(next));
  }
  /// Where a view into the line begins.
  [[nodiscard]] std::size_t offset_of(std::string_view part) const {
    return static_cast<std::size_t>(part.data() - line.text.data());
  }
};

}  // namespace pgstrata::dockerfile
