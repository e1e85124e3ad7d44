// /etc/subuid and /etc/subgid (subuid(5)): which ids a plain user may map into a user namespace.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgstrata::sandbox {

struct IdRange {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  bool operator==(const IdRange&) const = default;
};

/// The ranges in `text` ("name-or-uid:first:count" per line) that belong to the user, in order. Malformed
/// and empty ones are passed over, as newuidmap does.
[[nodiscard]] std::vector<IdRange> parse_subordinate_ids(std::string_view text, std::string_view user_name,
                                                         std::uint32_t uid);

/// The arguments that newuidmap and newgidmap want after the pid: container 0 is `own`, 1 and up are the
/// ranges one after the other.
[[nodiscard]] std::vector<std::string> map_arguments(std::uint32_t own, const std::vector<IdRange>& ranges);

}  // namespace pgstrata::sandbox
