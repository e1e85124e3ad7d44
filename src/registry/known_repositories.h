// Which repositories of a registry are known to have a blob, so that a push can ask the registry to take it
// from there (a mount) instead of sending it:
//
//   ROOT/registries/<digest of the registry's name>/<hex of the blob>    repository names, one a line
//
// A hint and no more: whatever is wrong in it costs one request. Any of these files may be removed.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "oci/digest.h"

namespace pgstrata::registry {

class KnownRepositories {
 public:
  /// `root` is the store's; `domain` as in a reference.
  KnownRepositories(const std::string& root, const std::string& domain);

  /// The newest first.
  [[nodiscard]] std::vector<std::string> of(const oci::Digest& blob) const;
  Result<void> add(const oci::Digest& blob, const std::string& repository);

 private:
  [[nodiscard]] std::string path(const oci::Digest& blob) const { return directory_ + "/" + blob.hex(); }
  std::string directory_;
};

}  // namespace pgstrata::registry
