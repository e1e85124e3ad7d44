// What `pgstrata build --check` prints, in buildx's form: for people, and as JSON for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checks/findings.h"
#include "dockerfile/source_text.h"

namespace pgstrata::checks {

/// "Check complete, …" and each warning with its rule, address, message and lines. With an error the
/// warnings only: the error is printed as always.
[[nodiscard]] std::string report_text(const std::vector<Warning>& warnings,
                                      const dockerfile::SourceText& source, bool complete);

/// The keys of BuildKit's "lint" subrequest: warnings, sources (without their text), buildError.
[[nodiscard]] std::string report_json(const std::vector<Warning>& warnings,
                                      const dockerfile::SourceText& source,
                                      const std::optional<Error>& error);

}  // namespace pgstrata::checks
