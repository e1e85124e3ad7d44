// The text of a Dockerfile with its name: lines by number, and errors that point into it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "dockerfile/source.h"

namespace pgstrata::dockerfile {

/// Owns the text. A UTF-8 byte order mark at its start is dropped.
class SourceText {
 public:
  SourceText() : SourceText("", "Dockerfile") {}
  SourceText(std::string_view text, std::string_view file_name);

  [[nodiscard]] const std::string& file_name() const { return file_name_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  /// Number of lines; what follows the last newline counts if it isn't empty.
  [[nodiscard]] int line_count() const { return static_cast<int>(starts_.size()); }
  /// Line `number` (from 1) with its line ending; "" outside of the file.
  [[nodiscard]] std::string_view line(int number) const;

  /// A kUsage error at `at`: where is "Dockerfile:LINE:COLUMN", detail the line with a caret below.
  [[nodiscard]] Error error(const SourceRange& at, std::string what, std::string next = {}) const;
  /// Gives an error that has no place yet (of an expansion, a resolver) this one. Its kind stays.
  [[nodiscard]] Error located(Error error, const SourceRange& at) const;

 private:
  [[nodiscard]] std::string excerpt(const SourceRange& at) const;

  std::string file_name_;
  std::string text_;
  std::vector<std::size_t> starts_;
};

}  // namespace pgstrata::dockerfile
