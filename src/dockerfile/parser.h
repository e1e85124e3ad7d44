// The parser of Dockerfiles: text in, directives and typed instructions out. It knows nothing of
// stages beyond "FROM first"; that is src/graph.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "dockerfile/directives.h"
#include "dockerfile/instruction.h"
#include "dockerfile/source_text.h"

namespace pgstrata::dockerfile {

struct Dockerfile {
  SourceText source;  ///< for errors that later parts find
  Directives directives;
  std::vector<Instruction> instructions;
  /// Instructions with an empty line in a continuation (deprecated); the place is their last line.
  std::vector<SourceRange> empty_continuations;
};

/// Parses all of `text`; at least one FROM, and only ARG before it. Errors are kUsage with the place
/// ("FILE_NAME:LINE:COLUMN"), the line with a caret and, where one is near, the word that was meant. Takes
/// time proportional to the text.
Result<Dockerfile> parse(std::string_view text, std::string_view file_name);

/// What was understood up to the first error, if there is one: for build checks, which report that too.
struct Parsed {
  Dockerfile dockerfile;
  std::optional<Error> error;
};
[[nodiscard]] Parsed parse_until_error(std::string_view text, std::string_view file_name);

/// Parses one instruction (any but FROM), as ONBUILD keeps it in an image.
Result<Instruction> parse_trigger(std::string_view text);

}  // namespace pgstrata::dockerfile
