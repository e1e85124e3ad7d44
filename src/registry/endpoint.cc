#include "registry/endpoint.h"

#include <fmt/format.h>

namespace pgstrata::registry {
namespace {

bool is_loopback(std::string_view domain) {
  return domain == "localhost" || domain.starts_with("localhost:") || domain.starts_with("127.") ||
         domain.starts_with("[::1]");
}

}  // namespace

std::string base_url(std::string_view domain, std::string_view scheme) {
  return fmt::format("{}://{}", scheme, domain == "docker.io" ? "registry-1.docker.io" : domain);
}

Result<Endpoint> endpoint_of(const std::string& domain, std::optional<bool> insecure,
                             const CertificateDirectories& certificates) {
  const auto tls = TRY(certificates.find(domain));
  Endpoint endpoint{.domain = domain, .tls = tls.value_or(remote::Tls{})};
  if (insecure.value_or(is_loopback(domain) && !tls)) {
    endpoint.tls.verify = false;
    endpoint.may_be_http = true;
    endpoint.http_first = is_loopback(domain);
  }
  return endpoint;
}

}  // namespace pgstrata::registry
