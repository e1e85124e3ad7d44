// How this machine's apt talks to its mirrors: proxies and the like, which a bootstrap and apt-get in a RUN
// need as well. Read through apt-config(8), so that every file and include that apt knows is in it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace pgstrata::bootstrap {

/// The options below "Acquire" that say how to reach a mirror, as (name, value) in apt's order:
/// proxies (also per host), Check-Valid-Until, Check-Date, Retries, timeouts.
using AptOptions = std::vector<std::pair<std::string, std::string>>;

/// From the output of `apt-config dump`.
[[nodiscard]] AptOptions parse_apt_config(std::string_view dump);
/// The machine's; none where there is no apt.
Result<AptOptions> apt_options();

/// The lines of an apt.conf(5) that sets them: to mount as /etc/apt/apt.conf.d/00pgstrata while a RUN
/// works. Empty if there are none.
[[nodiscard]] std::string apt_conf(const AptOptions& options);

/// Acquire::http::Proxy and Acquire::https::Proxy, empty if not set (or "DIRECT").
struct AptProxy {
  std::string http;
  std::string https;
};
[[nodiscard]] AptProxy apt_proxy(const AptOptions& options);

}  // namespace pgstrata::bootstrap
