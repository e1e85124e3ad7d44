// Makes Debian's base image from the machine's apt sources, by mmdebstrap(1), where no registry can be
// reached (docs: design, "Base images"). The same packages give the same bytes, whoever runs it: file times
// are at most the date of the suite's Release file, and nothing of the machine or its mirror gets in.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bootstrap/base_name.h"
#include "core/result.h"

namespace pgstrata::bootstrap {

struct BootstrapOptions {
  /// Path of the tar (uncompressed, GNU names, numeric owners); complete or absent. What is being written
  /// lies beside it.
  std::string output;
  /// Directory that keeps .debs for the next time, on the file system of `output`; empty: none; created if
  /// missing.
  std::string package_cache;
  /// For the unpacked tree (some 300 MB); empty: $TMPDIR or /tmp. World-searchable, so mostly not the
  /// store.
  std::string temporary;
  /// A symbolic link made to the directory of that tree: it leads whoever clears up after a killed process
  /// there. Empty: none.
  std::string temporary_link;
};

struct Package {
  std::string name;
  std::string version;
  std::string architecture;
  bool operator==(const Package&) const = default;
};

struct BootstrappedBase {
  std::string name;  ///< "debian:bookworm-slim", the suite resolved to its codename
  std::string codename;
  std::int64_t epoch = 0;         ///< seconds: the date of the Release file, used as SOURCE_DATE_EPOCH
  std::vector<Package> packages;  ///< installed, by name
  std::vector<std::pair<std::string, std::string>> labels;  ///< for the image: how it came to be
};

/// Called on the calling thread, with one line of mmdebstrap's report at a time.
using ProgressLine = std::function<void(std::string_view)>;

/// Takes tens of seconds. Root or plain user (then by mmdebstrap's own user namespace): to be called before
/// sandbox::enter_namespaces(), in a normal environment. kMachine: mmdebstrap, Debian's keyring, a mirror
/// or the suite on it is missing, or mmdebstrap failed (its last lines are in `detail`); kCancelled after
/// `stop`, with no process and no temporary directory left.
Result<BootstrappedBase> bootstrap(const BaseName& base, const BootstrapOptions& options,
                                   const ProgressLine& progress, std::stop_token stop = {});

/// The installed packages in dpkg's status file (deb-control(5) stanzas).
[[nodiscard]] std::vector<Package> parse_dpkg_status(std::string_view text);

}  // namespace pgstrata::bootstrap
