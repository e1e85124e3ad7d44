// The registries that a verb speaks to: where registries.conf puts them, with the proxies of the build,
// Docker's log-ins, the machine's certificates, and the limits of the environment. Nothing of these files
// is read before the first name.
//
//   PGSTRATA_REGISTRY_TIMEOUT   seconds until a silent registry is given up (default: 60)
//   PGSTRATA_LAYER_LIMIT        the largest uncompressed layer that is pulled (default: 32g)
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "oci/reference.h"
#include "registry/certificates.h"
#include "registry/registries_conf.h"
#include "registry/repository.h"
#include "remote/proxies.h"

namespace pgstrata::cli {

class Registries {
 public:
  explicit Registries(remote::Proxies proxies) : proxies_(std::move(proxies)) {}
  Registries(const Registries&) = delete;
  Registries& operator=(const Registries&) = delete;

  /// Where the image may be read, in this order: its mirrors, and last the place that isn't one. kUsage:
  /// Docker's configuration, registries.conf, certificates or a variable can't be read; kBuildFailed: the
  /// name is blocked. What is given is good as long as this lives.
  Result<std::vector<registry::Repository>> to_read(const oci::Reference& name);
  /// Where it is written; never a mirror. Errors as before.
  Result<registry::Repository> to_write(const oci::Reference& name);

 private:
  Result<void> open();
  Result<registry::Repository> at(const registry::Place& place);

  const remote::Proxies proxies_;
  std::mutex mutex_;
  registry::RegistriesConf conf_;
  registry::CertificateDirectories certificates_;
  registry::CredentialStore credentials_;
  std::unique_ptr<registry::HttpTransport> transport_;  ///< once all of them are read
  /// By domain, and by whether it is called insecure: of two mirrors there only one may be.
  std::map<std::pair<std::string, std::optional<bool>>, std::unique_ptr<registry::Registry>> registries_;
};

/// PGSTRATA_LAYER_LIMIT in bytes.
Result<std::uint64_t> layer_limit();

}  // namespace pgstrata::cli
