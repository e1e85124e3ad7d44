// A piece of a Dockerfile with marks at the lines that are meant, in the form that BuildKit prints.
#pragma once

#include <string>

#include "dockerfile/source_text.h"

namespace pgstrata::checks {

/// "FILE:LINE" and the lines with their neighbours, those of `range` marked with ">>>". Ends in a newline;
/// "" if the range isn't in the file.
[[nodiscard]] std::string excerpt(const dockerfile::SourceText& source,
                                  const dockerfile::SourceRange& range);

}  // namespace pgstrata::checks
