// A Dockerfile as the parser understood it, one line per instruction: for tests and `pgstrata debug`.
#pragma once

#include <string>

#include "dockerfile/parser.h"

namespace pgstrata::dockerfile {

/// "LINE[-LAST] KEYWORD member=value …": strings quoted as in Go, members at their defaults left out.
[[nodiscard]] std::string dump(const Dockerfile& dockerfile);
[[nodiscard]] std::string dump(const Instruction& instruction);

}  // namespace pgstrata::dockerfile
