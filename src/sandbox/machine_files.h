// The texts of files that every sandbox gets from the machine.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pgstrata::sandbox {

/// /etc/hosts as Docker writes it, with `hostname` on the loopback address.
/// `extra`: further names and their addresses, after those.
[[nodiscard]] std::string hosts_text(const std::string& hostname,
                                     const std::vector<std::pair<std::string, std::string>>& extra = {});
/// The machine's /etc/resolv.conf, links followed; nothing if it has none.
[[nodiscard]] std::optional<std::string> resolv_conf_text();

}  // namespace pgstrata::sandbox
