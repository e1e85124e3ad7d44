// EXPOSE's port specifications.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pgstrata::graph {

/// "[ip:][host:]port[-port][/protocol]" as "port/protocol" each; address and host port are checked and left
/// out, as BuildKit does. kUsage without place.
Result<std::vector<std::string>> parse_ports(std::string_view text);

}  // namespace pgstrata::graph
