// Heredocs: "[fd]<<[-]WORD" in RUN, COPY and ADD, with the text on the lines below.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pgstrata::dockerfile {

struct Heredoc {
  std::string name;     ///< WORD without its quotes: the terminator, and for COPY the file's name
  bool expand = true;   ///< no part of WORD was quoted
  bool chomp = false;   ///< "<<-": leading tabs don't count
  unsigned fd = 0;      ///< 0 if none was written
  std::string content;  ///< as it stands in the file, tabs included
};

/// The heredoc that `word` is, without content; nothing if it is none.
Result<std::optional<Heredoc>> parse_heredoc(std::string_view word);

/// All heredocs of an instruction's line, in order.
Result<std::vector<Heredoc>> heredocs_of(std::string_view line);

/// The content with the leading tabs of every line removed if it is to be.
[[nodiscard]] std::string chomped(const Heredoc& heredoc);

}  // namespace pgstrata::dockerfile
