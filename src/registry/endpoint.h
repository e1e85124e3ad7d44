// Where a registry is, and how it is spoken to: by TLS, or, if nobody says that it has to be, as Docker
// speaks to an insecure registry.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "registry/certificates.h"
#include "remote/http_client.h"

namespace pgstrata::registry {

struct Endpoint {
  std::string domain;  ///< host[:port], as in a reference; log-ins and certificates are looked up by it
  remote::Tls tls;
  /// HTTP is spoken to it if it speaks no TLS. Only with tls.verify off: who could be anybody can as well
  /// say that he speaks none.
  bool may_be_http = false;
  /// HTTP is tried before TLS. Only on this machine, where nobody listens on the way: most registries there
  /// speak HTTP, and to begin a TLS connection in vain takes longer than a small push's other requests.
  bool http_first = false;
};

/// `insecure` is registries.conf's word. Without one, this machine itself (localhost, 127.…, [::1]) is
/// insecure, as Docker has it, unless somebody has put certificates there; everybody else is secure.
/// kUsage: certificates that aren't complete.
Result<Endpoint> endpoint_of(const std::string& domain, std::optional<bool> insecure,
                             const CertificateDirectories& certificates);

/// The address of the registry, without a slash at the end. Docker Hub's is another than its name.
[[nodiscard]] std::string base_url(std::string_view domain, std::string_view scheme = "https");

}  // namespace pgstrata::registry
