// Configurations, manifests, indexes and references that others wrote. What is accepted must be read back
// from our own writing of it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pgstrata::oci;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto config = ImageConfig::from_json(text))
    if (!ImageConfig::from_json(config->to_json())) std::abort();
  if (const auto manifest = ImageManifest::from_json(text))
    if (!ImageManifest::from_json(manifest->to_json())) std::abort();
  if (const auto index = ImageIndex::from_json(text))
    if (!ImageIndex::from_json(index->to_json())) std::abort();
  if (const auto reference = Reference::parse(text))
    if (!Reference::parse(reference->str())) std::abort();
  return 0;
}
