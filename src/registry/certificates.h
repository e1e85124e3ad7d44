// The certificates of one registry, in a directory of its name (containers-certs.d(5); Docker's is the
// same):
//
//   ~/.config/containers/certs.d/HOST[:PORT]/     the first of these that is there
//   /etc/containers/certs.d/HOST[:PORT]/
//   /etc/docker/certs.d/HOST[:PORT]/
//     NAME.crt               an authority that is trusted, besides the machine's
//     NAME.cert, NAME.key    what we show if the registry asks who we are; of several the first
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "remote/http_client.h"

namespace pgstrata::registry {

/// The files that count.
struct CertificateFiles {
  std::vector<std::string> authorities;  ///< paths
  std::string certificate;               ///< path, or ""
  std::string key;
};

/// Of the names of what is in `directory`. kUsage: a certificate without its key, or a key without its
/// certificate.
Result<CertificateFiles> certificate_files(const std::string& directory, std::vector<std::string> names);

class CertificateDirectories {
 public:
  /// None: nothing is found.
  CertificateDirectories() = default;
  /// Earlier ones stand before later ones.
  explicit CertificateDirectories(std::vector<std::string> directories)
      : directories_(std::move(directories)) {}
  /// Those of this process's user.
  static CertificateDirectories of_user();

  /// Nothing if there is no directory for the registry, or it is closed to us.
  [[nodiscard]] Result<std::optional<remote::Tls>> find(const std::string& domain) const;

 private:
  std::vector<std::string> directories_;
};

}  // namespace pgstrata::registry
