// CDI specifications of any bytes: what is accepted has devices, each with edits, that the registry finds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cdi/registry.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pgstrata::cdi;
  const auto spec = Spec::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!spec) return 0;
  Registry registry;
  registry.add(*spec, 0, "spec.json");
  for (const Device& device : spec->devices) {
    const std::string qualified = spec->kind + "=" + device.name;
    if (registry.find(qualified).size() != 1 || registry.edits({qualified}).empty()) std::abort();
    static_cast<void>(registry.allows_itself(qualified));
  }
  if (registry.find(spec->kind + "=*").size() != spec->devices.size()) std::abort();
  return 0;
}
