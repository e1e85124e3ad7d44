#include "oci/platform.h"

#include <sys/utsname.h>

#include <vector>

namespace pgstrata::oci {
namespace {

Platform normalised(Platform platform) {
  std::string& arch = platform.architecture;
  if (arch == "x86_64" || arch == "x86-64") arch = "amd64";
  if (arch == "aarch64") arch = "arm64";
  if (arch == "armhf") arch = "arm";
  if (arch == "i386" || arch == "i686") arch = "386";
  if (arch == "arm64" && (platform.variant == "8" || platform.variant == "v8")) platform.variant.clear();
  if (arch == "arm" && platform.variant.empty()) platform.variant = "v7";
  return platform;
}

}  // namespace

Result<Platform> Platform::parse(std::string_view text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == '/')
      parts.emplace_back();
    else
      parts.back() += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  bool empty_part = false;
  for (const std::string& part : parts) empty_part |= part.empty();
  if (parts.size() > 3 || empty_part)
    return fail({.kind = ErrorKind::kUsage,
                 .what = "not a platform: \"" + std::string(text) + "\"",
                 .next = "write os/architecture[/variant], for example linux/amd64"});
  if (parts.size() == 1) {
    if (parts[0] == "linux") return Platform{"linux", host().architecture, host().variant};
    return normalised({"linux", parts[0], ""});
  }
  return normalised({parts[0], parts[1], parts.size() == 3 ? parts[2] : ""});
}

Platform Platform::host() {
  struct utsname name {};
  ::uname(&name);
  return normalised({"linux", name.machine, ""});
}

std::string Platform::str() const {
  return os + "/" + architecture + (variant.empty() ? "" : "/" + variant);
}

}  // namespace pgstrata::oci
