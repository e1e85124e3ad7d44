#include "oci/platform.h"

#include <sys/utsname.h>

#include <charconv>
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
  if (arch == "amd64" && platform.variant == "v1") platform.variant.clear();
  if (arch == "arm" && platform.variant.empty()) platform.variant = "v7";
  return platform;
}

/// "v2" → 2; 0 for none.
int version(std::string_view variant) {
  int value = 0;
  if (variant.starts_with('v')) std::from_chars(variant.data() + 1, variant.data() + variant.size(), value);
  return value;
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
  bool bad_part = false;
  constexpr const char* kCharacters = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
  for (const std::string& part : parts)
    bad_part |= part.empty() || part.find_first_not_of(kCharacters) != std::string::npos;
  if (parts.size() > 3 || bad_part)
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

bool Platform::runs(const Platform& image) const {
  if (image.os != os || image.architecture != architecture) return false;
  return image.variant == variant || version(image.variant) < version(variant);
}

std::string Platform::str() const {
  return os + "/" + architecture + (variant.empty() ? "" : "/" + variant);
}

}  // namespace pgstrata::oci
