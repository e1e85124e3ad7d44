// Package URLs (https://github.com/package-url/purl-spec): what attestations call packages and images.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "oci/digest.h"
#include "oci/platform.h"
#include "oci/reference.h"

namespace pgstrata::attest {

struct PackageUrl {
  std::string type;        ///< "deb", "apk", "docker", "generic"
  std::string name_space;  ///< segments with slashes between them; "": none
  std::string name;
  std::string version;                            ///< "": none
  std::map<std::string, std::string> qualifiers;  ///< those without a value are left out

  /// "pkg:deb/debian/libc6@2.36-9%2Bdeb12u8?arch=amd64&distro=debian-12". Colons stay as they are, as the
  /// purl-spec has it.
  [[nodiscard]] std::string str() const;
};

/// An image as BuildKit names it: "pkg:docker/NAME@TAG?digest=…&platform=…", the name in its familiar form.
[[nodiscard]] std::string image_purl(const oci::Reference& name, const std::optional<oci::Digest>& digest,
                                     const std::optional<oci::Platform>& platform);

}  // namespace pgstrata::attest
