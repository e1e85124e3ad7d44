// The Release file of a suite (https://wiki.debian.org/DebianRepository/Format): its codename and its date,
// which becomes SOURCE_DATE_EPOCH.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "bootstrap/apt_options.h"
#include "bootstrap/apt_sources.h"
#include "core/result.h"

namespace pgstrata::bootstrap {

struct Release {
  std::string origin;
  std::string codename;
  std::int64_t date = 0;  ///< seconds since the epoch
};

/// Reads Release or InRelease (its signature isn't checked here: apt does it before it uses any package).
/// kCorrupt without a Codename or a Date.
Result<Release> parse_release(std::string_view text);

/// Fetches `<uri>/dists/<suite>/InRelease` by apt-helper(1), so by apt's own transports and proxies.
/// nullopt: the mirror has no such suite. kMachine: it can't be reached, or there is no apt-helper.
/// `directory` takes temporary files.
Result<std::optional<Release>> fetch_release(const AptSource& source, const AptOptions& options,
                                             const std::string& directory, std::stop_token stop);

/// The address of the suite's InRelease file.
[[nodiscard]] std::string release_url(const AptSource& source);

}  // namespace pgstrata::bootstrap
