// The lowest level of the language: physical lines become logical ones. Comment lines vanish (also
// within a continuation), a line that ends in the escape character is joined with the next one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "dockerfile/source_text.h"

namespace pgstrata::dockerfile {

/// Longest physical line in bytes without its newline, as in BuildKit.
inline constexpr std::size_t kMaxLineBytes = 65535;

struct LogicalLine {
  std::string text;  ///< joined, without leading white space
  SourceRange range;
  std::vector<Piece> pieces;        ///< ascending by offset, never empty
  bool empty_continuation = false;  ///< an empty line stood within it (deprecated)
  /// The comment lines above it, trimmed; a comment without text begins anew.
  std::vector<std::string> comments;

  /// The place of the byte at `offset` of the text.
  [[nodiscard]] SourceRange position(std::size_t offset) const { return place_in(pieces, offset, range); }
};

class LineReader {
 public:
  /// `source` must outlive the reader. `escape` is a backslash or a backtick. The first `directive_lines`
  /// lines are no comments.
  LineReader(const SourceText& source, char escape, int directive_lines = 0)
      : source_(source), escape_(escape), directive_lines_(directive_lines) {}

  /// The next logical line, nothing at the end. kUsage for a line that is too long.
  Result<std::optional<LogicalLine>> next();

  /// The lines up to the one that is `terminator` (with `chomp` after leading tabs), as they stand. kUsage
  /// at `marker` if the file ends before.
  Result<std::string> heredoc_body(std::string_view terminator, bool chomp, const SourceRange& marker);

  /// The last line that was read.
  [[nodiscard]] int line_number() const { return line_; }

 private:
  Result<std::string_view> take();
  [[nodiscard]] bool at_end() const { return line_ >= source_.line_count(); }
  /// Cuts the escape character off that joins `line` with the next one; false if there is none.
  bool cut_continuation(std::string_view& line) const;
  /// Adds a comment line to those above the next instruction.
  void note_comment(std::string_view raw, std::vector<std::string>& comments) const;

  const SourceText& source_;
  char escape_;
  int directive_lines_;
  int line_ = 0;
};

/// Without "\n", "\r\n".
[[nodiscard]] std::string_view without_newline(std::string_view line);
/// True if the first character that isn't white space is '#'.
[[nodiscard]] bool is_comment(std::string_view line);

}  // namespace pgstrata::dockerfile
