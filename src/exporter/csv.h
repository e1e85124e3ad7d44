// One record of comma-separated values, as Go's encoding/csv reads it (RFC 4180).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pgstrata::exporter {

/// The fields of one line. A field that begins with a double quote ends at the next one that isn't doubled,
/// and may hold commas and newlines. kUsage with what is wrong for a quote in any other place.
Result<std::vector<std::string>> csv_fields(std::string_view line);

}  // namespace pgstrata::exporter
