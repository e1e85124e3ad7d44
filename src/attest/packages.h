// What package managers say is installed, in their databases of a root file system. These are files of an
// image, so anybody may have written them: whatever doesn't fit is passed over, and nothing grows beyond
// what the text has.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgstrata::attest {

enum class PackageKind { kDebian, kAlpine };

struct Package {
  PackageKind kind = PackageKind::kDebian;
  std::string name;
  std::string version;
  std::string architecture;
  std::string source;          ///< name of the source package; "": the same
  std::string source_version;  ///< "": the same
  std::string maintainer;
  std::string license;  ///< as written, of apk's database
  bool operator==(const Package&) const = default;
};

/// dpkg's status file, or one of status.d (deb-control(5) stanzas; dpkg(1), "Package states"): those that
/// are installed. A stanza without Status, as status.d has them, is of an installed package.
[[nodiscard]] std::vector<Package> parse_dpkg_status(std::string_view text);

/// apk's lib/apk/db/installed (https://wiki.alpinelinux.org/wiki/Apk_spec, "Installed Database").
[[nodiscard]] std::vector<Package> parse_apk_installed(std::string_view text);

/// /etc/os-release (os-release(5)).
struct OsRelease {
  std::string id;           ///< "debian"
  std::string version_id;   ///< "12"
  std::string pretty_name;  ///< "Debian GNU/Linux 12 (bookworm)"
  bool operator==(const OsRelease&) const = default;
};
[[nodiscard]] OsRelease parse_os_release(std::string_view text);

}  // namespace pgstrata::attest
