// The records and lists of files of a shared cache: bytes that others wrote.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cache/read_set.h"
#include "remotecache/form.h"
#include "remotecache/records.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pgstrata;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto records = remotecache::decode(bytes)) {
    for (const auto& run : records->runs) {
      if (run.layer >= records->layers.size() || !records->layers[run.layer].tar) std::abort();
      for (const std::size_t layer : run.chain)
        if (layer >= records->layers.size()) std::abort();
      static_cast<void>(cache::ReadSet::decode(run.asked).has_value());
      static_cast<void>(cache::decode_mounts(run.mounts).has_value());
    }
    const auto again = remotecache::decode(remotecache::encode(*records));
    if (!again || *again != *records) std::abort();
  }
  static_cast<void>(remotecache::unpacked_list(bytes, {}).has_value());
  return 0;
}
