// registries.conf: whatever is in it, an image is somewhere or there is an error with a line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "registry/registries_conf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pgstrata;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto conf = registry::RegistriesConf::parse(text, "registries.conf");
  if (!conf) {
    if (!conf.error().where.starts_with("registries.conf:")) std::abort();
    return 0;
  }
  for (const char* name : {"debian", "a.example/b/c:1", "x.a.example:5000/b"}) {
    const auto reference = oci::Reference::parse(name);
    if (!reference) std::abort();
    if (const auto places = conf->read_places(*reference); places && places->empty()) std::abort();
    if (const auto place = conf->write_place(*reference))
      if (place->domain != reference->domain || place->path != reference->path) std::abort();
  }
  return 0;
}
