// Where this machine gets Debian packages from: its apt sources (sources.list(5), both formats). No mirror
// is ever named by pgstrata itself; a build uses the machine's, or $PGSTRATA_APT_MIRROR.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pgstrata::bootstrap {

/// The keyring that signs Debian's archives, on Debian machines and in Debian's base images alike.
inline constexpr std::string_view kDebianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// One enabled `deb` entry; deb-src entries are left out when reading.
struct AptEntry {
  std::vector<std::string> uris;
  std::vector<std::string> suites;
  std::vector<std::string> components;
  std::string signed_by;  ///< a path, a fingerprint or a key; empty: any trusted key
  bool trusted = false;   ///< [trusted=yes]: no signature is asked for
};

/// The lines of a sources.list or *.list file. What isn't an entry is skipped, as apt's own readers do
/// with comments; a malformed entry is skipped too (apt will complain about it, not we).
[[nodiscard]] std::vector<AptEntry> parse_one_line_sources(std::string_view text);
/// The stanzas of a *.sources file (deb822).
[[nodiscard]] std::vector<AptEntry> parse_deb822_sources(std::string_view text);
/// Reads sources.list and sources.list.d/*.{list,sources} below `etc_apt`, in apt's order.
Result<std::vector<AptEntry>> read_apt_entries(const std::string& etc_apt = "/etc/apt");

struct Mirror {
  std::string uri;  ///< without a trailing slash
  bool trusted = false;
  bool operator==(const Mirror&) const = default;
};
/// Debian's archive and its security archive; the second may be missing (empty uri).
struct DebianMirrors {
  Mirror archive;
  Mirror security;
  bool operator==(const DebianMirrors&) const = default;
};

/// Picks Debian's own archives out of all entries: a Debian suite, component main, no other vendor's
/// key; of several those whose path is called debian or debian-security come first. Error kMachine if
/// there is none.
Result<DebianMirrors> find_debian_mirrors(const std::vector<AptEntry>& entries);
/// The mirrors to use: $PGSTRATA_APT_MIRROR (the archive's URL; security's is the same with
/// "-security" after it, as mirrors have it) if set and not empty, else the machine's.
Result<DebianMirrors> debian_mirrors(const std::string& etc_apt = "/etc/apt");

/// A suite of an archive: one stanza's URIs and Suites.
struct AptSource {
  Mirror mirror;
  std::string suite;
};
/// bookworm → bookworm, bookworm-updates, bookworm-security; sid has only itself. kUsage for a suite
/// that isn't Debian's (bullseye and newer, or stable, oldstable, testing, unstable).
Result<std::vector<AptSource>> sources_of(const DebianMirrors& mirrors, std::string_view suite);
/// A deb822 text, signed by kDebianKeyring.
[[nodiscard]] std::string deb822(const std::vector<AptSource>& sources);

/// debian_mirrors, sources_of and deb822 in one: the text to mount as
/// /etc/apt/sources.list.d/debian.sources while a RUN of that suite's root file system works.
Result<std::string> sources_for(std::string_view suite, const std::string& etc_apt = "/etc/apt");

[[nodiscard]] bool is_debian_suite(std::string_view suite);

}  // namespace pgstrata::bootstrap
