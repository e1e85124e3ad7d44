// Columns of text, aligned with blanks, as Go's text/tabwriter does it for buildx.
#pragma once

#include <string>
#include <vector>

namespace pgstrata::checks {

/// One line per row; `gap` blanks behind the longest cell of each column but the last.
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t gap);

}  // namespace pgstrata::checks
