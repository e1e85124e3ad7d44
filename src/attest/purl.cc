#include "attest/purl.h"

#include <fmt/format.h>

namespace pgstrata::attest {
namespace {

std::string encoded(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view(".-_~:").find(c) != std::string_view::npos;
    if (plain)
      result += c;
    else
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

/// Each segment by itself; empty ones mean nothing.
std::string encoded_segments(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::string_view segment = text.substr(0, text.find('/'));
    text.remove_prefix(std::min(segment.size() + 1, text.size()));
    if (!segment.empty()) result += encoded(segment) + "/";
  }
  return result;
}

}  // namespace

std::string PackageUrl::str() const {
  std::string result = "pkg:" + type + "/" + encoded_segments(name_space) + encoded(name);
  if (!version.empty()) result += "@" + encoded(version);
  char separator = '?';
  for (const auto& [key, value] : qualifiers) {
    if (value.empty()) continue;
    result += fmt::format("{}{}={}", separator, key, encoded(value));
    separator = '&';
  }
  return result;
}

std::string image_purl(const oci::Reference& reference, const std::optional<oci::Digest>& digest,
                       const std::optional<oci::Platform>& platform) {
  oci::Reference bare = reference;
  bare.tag.clear();
  bare.digest.reset();
  const std::string name = bare.familiar();
  const std::size_t slash = name.rfind('/');
  PackageUrl url{.type = "docker",
                 .name_space = slash == std::string::npos ? "" : name.substr(0, slash),
                 .name = slash == std::string::npos ? name : name.substr(slash + 1),
                 .version = reference.tag,
                 .qualifiers = {}};
  if (digest) url.qualifiers["digest"] = digest->str();
  if (platform) url.qualifiers["platform"] = platform->str();
  return url.str();
}

}  // namespace pgstrata::attest
