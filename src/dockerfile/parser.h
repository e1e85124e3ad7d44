// The parser of Dockerfiles: text in, directives and typed instructions out. It knows nothing of
// stages beyond "FROM first"; that is src/graph.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "dockerfile/directives.h"
#include "dockerfile/instruction.h"
#include "dockerfile/source_text.h"

namespace pgstrata::dockerfile {

struct Warning {
  std::string rule;  ///< BuildKit's name of the check: "NoEmptyContinuation"
  std::string text;
  SourceRange range;
};

struct Dockerfile {
  SourceText source;  ///< for errors that later parts find
  Directives directives;
  std::vector<Instruction> instructions;
  std::vector<Warning> warnings;
};

/// Parses all of `text`; at least one FROM, and only ARG before it. Errors are kUsage with the place
/// ("FILE_NAME:LINE:COLUMN"), the line with a caret and, where one is near, the word that was meant. Takes
/// time proportional to the text.
Result<Dockerfile> parse(std::string_view text, std::string_view file_name);

/// Parses one instruction (any but FROM), as ONBUILD keeps it in an image.
Result<Instruction> parse_trigger(std::string_view text);

}  // namespace pgstrata::dockerfile
