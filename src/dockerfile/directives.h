// Parser directives: "# key=value" lines at the very top of a Dockerfile.
#pragma once

#include <optional>
#include <string>
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

struct Directives {
  std::optional<SyntaxDirective> syntax;
  std::optional<CheckDirective> check;
  char escape = '\\';
};

/// kUsage for a directive given twice, a wrong escape character or check option, and for a file that
/// its "// syntax=" line says is no Dockerfile.
Result<Directives> parse_directives(const SourceText& source);

}  // namespace pgstrata::dockerfile
