#include "registry/certificates.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "os/file.h"

namespace pgstrata::registry {

Result<CertificateFiles> certificate_files(const std::string& directory, std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  const auto incomplete = [&](const std::string& name, const std::string& other, std::string next) {
    return fail({.kind = ErrorKind::kUsage,
                 .what = fmt::format("{} is there, and {} isn't", name, other),
                 .where = directory,
                 .next = std::move(next)});
  };
  const auto has = [&](const std::string& name) {
    return std::binary_search(names.begin(), names.end(), name);
  };
  CertificateFiles files;
  for (const std::string& name : names) {
    const std::string stem = name.substr(0, name.rfind('.'));
    if (name.ends_with(".crt")) files.authorities.push_back(directory + "/" + name);
    if (name.ends_with(".cert")) {
      if (!has(stem + ".key"))
        return incomplete(name, stem + ".key",
                          "put the certificate's key beside it; authorities are called NAME.crt");
      if (!files.certificate.empty()) continue;
      files.certificate = directory + "/" + name;
      files.key = directory + "/" + stem + ".key";
    }
    if (name.ends_with(".key") && !has(stem + ".cert"))
      return incomplete(name, stem + ".cert", "put the key's certificate beside it");
  }
  return files;
}

CertificateDirectories CertificateDirectories::of_user() {
  std::vector<std::string> directories = {"/etc/containers/certs.d", "/etc/docker/certs.d"};
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    directories.insert(directories.begin(), std::string(home) + "/.config/containers/certs.d");
  return CertificateDirectories(std::move(directories));
}

Result<std::optional<remote::Tls>> CertificateDirectories::find(const std::string& domain) const {
  for (const std::string& parent : directories_) {
    const std::string directory = parent + "/" + domain;
    // One that is closed to us belongs to somebody else, usually root.
    const auto names = os::names_in(directory);
    if (!names) continue;
    const CertificateFiles files = TRY(certificate_files(directory, *names));
    remote::Tls tls{.certificate = files.certificate, .key = files.key};
    for (const std::string& path : files.authorities) {
      const auto text = os::read_file(path);
      if (!text)
        return fail(
            {.kind = ErrorKind::kUsage,
             .what = fmt::format("can't read an authority's certificate for the registry {}", domain),
             .where = path,
             .why = text.error().why});
      tls.authorities += *text + "\n";
    }
    return tls;
  }
  return std::nullopt;
}

}  // namespace pgstrata::registry
