// The limits of setrlimit(2), by the names that ulimit and Docker use.
#pragma once

#include <sys/resource.h>

#include <optional>
#include <string>
#include <string_view>

namespace pgstrata::sandbox {

struct Limit {
  int resource = 0;  ///< RLIMIT_…
  rlim_t soft = RLIM_INFINITY;
  rlim_t hard = RLIM_INFINITY;
};

/// "nofile" → RLIMIT_NOFILE; nothing for a name that doesn't exist.
[[nodiscard]] std::optional<int> limit_number(std::string_view name);
/// All names, for messages.
[[nodiscard]] std::string limit_names();

}  // namespace pgstrata::sandbox
