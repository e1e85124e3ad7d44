// What a registry says before anything of it can be checked: challenges, indexes and manifests, and
// Docker's client configuration.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/base64.h"
#include "image/platforms.h"
#include "oci/manifest.h"
#include "registry/challenge.h"
#include "registry/credentials.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pgstrata;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const registry::Challenge& challenge : registry::parse_challenges(text))
    if (challenge.scheme.empty()) std::abort();
  if (const auto bytes = decode_base64(text))
    if (decode_base64(encode_base64(*bytes)) != *bytes) std::abort();
  const auto no_helper = [](const std::string&, const std::string&) -> Result<os::Captured> {
    return os::Captured{.status = os::Exited{1}, .out = "", .err = ""};
  };
  if (const auto store = registry::CredentialStore::parse(text, "config.json", no_helper))
    static_cast<void>(store->find("docker.io").has_value());
  if (const auto index = oci::ImageIndex::from_json(text)) {
    const oci::Platform platform{"linux", "arm64", "v8"};
    if (const auto chosen = image::choose(index->manifests, platform))
      if (chosen->digest.is_none()) std::abort();
  }
  static_cast<void>(oci::ImageManifest::from_json(text).has_value());
  return 0;
}
