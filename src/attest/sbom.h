// What an image is made of, as SPDX 2.3 in JSON (https://spdx.github.io/spdx-spec/v2.3/): the packages that
// dpkg's and apk's databases in its root file system name. What was put there otherwise isn't listed, and
// the document's comment says so.
#pragma once

#include <string>

#include "core/result.h"
#include "filetree/file_tree.h"

namespace pgstrata::attest {

struct SbomSubject {
  std::string name;     ///< of the image, for people
  std::string version;  ///< its ID, "sha256:…"
  std::string created;  ///< RFC 3339: the image's own time, so that the same image has the same SBOM
  std::string tool;     ///< "pgstrata-1.2"
};

/// Larger ones are nobody's package database.
inline constexpr std::uint64_t kLargestDatabase = 64UL * 1024 * 1024;

/// The predicate. The same tree and subject give the same bytes. A damaged or too large database isn't an
/// error: the comment says that it wasn't read.
Result<std::string> sbom_json(const filetree::FileTree& root, const SbomSubject& subject);

}  // namespace pgstrata::attest
