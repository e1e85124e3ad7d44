// The registries that a verb speaks to: with the proxies of the build, Docker's log-ins, and the limits of
// the environment.
//
//   PGSTRATA_REGISTRY_TIMEOUT   seconds until a silent registry is given up (default: 60)
//   PGSTRATA_LAYER_LIMIT        the largest uncompressed layer that is pulled (default: 32g)
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/result.h"
#include "registry/registry.h"
#include "remote/proxies.h"

namespace pgstrata::cli {

class Registries {
 public:
  explicit Registries(remote::Proxies proxies) : proxies_(std::move(proxies)) {}
  Registries(const Registries&) = delete;
  Registries& operator=(const Registries&) = delete;

  /// Made at the first call. kUsage: Docker's configuration or a variable can't be read.
  Result<registry::Registry*> get(const std::string& domain);

 private:
  const remote::Proxies proxies_;
  std::mutex mutex_;
  registry::CredentialStore credentials_;
  std::unique_ptr<registry::HttpTransport> transport_;
  std::map<std::string, std::unique_ptr<registry::Registry>> registries_;
};

/// PGSTRATA_LAYER_LIMIT in bytes.
Result<std::uint64_t> layer_limit();

}  // namespace pgstrata::cli
