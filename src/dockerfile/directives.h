// Parser directives: "# key=value" lines at the very top of a Dockerfile.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "dockerfile/source_text.h"

namespace pgstrata::dockerfile {

/// "# syntax=docker/dockerfile:1". Kept for display: the language is built in, nothing is fetched.
struct SyntaxDirective {
  std::string frontend;      ///< the first word
  std::string command_line;  ///< the whole value
  SourceRange range;
};

/// "# check=skip=JSONArgsRecommended,StageNameCasing;error=true"
struct CheckDirective {
  bool skip_all = false;
  std::vector<std::string> skip;
  bool experimental_all = false;
  std::vector<std::string> experimental;
  bool error = false;
  SourceRange range;
};

/// The options of a check directive, also those of BUILDKIT_DOCKERFILE_CHECK; kUsage without place.
Result<CheckDirective> parse_check_options(std::string_view text);

/// The options of a comment above an instruction that is "check=…" (they hold for this instruction);
/// nothing if it is none, or a wrong one.
[[nodiscard]] std::optional<CheckDirective> check_comment(std::string_view comment);

struct Directives {
  std::optional<SyntaxDirective> syntax;
  std::optional<CheckDirective> check;
  char escape = '\\';
  int lines = 0;  ///< how many lines at the top are directives
};

/// kUsage for a directive given twice, a wrong escape character or check option, and for a file that
/// its "// syntax=" line says is no Dockerfile.
Result<Directives> parse_directives(const SourceText& source);

}  // namespace pgstrata::dockerfile
