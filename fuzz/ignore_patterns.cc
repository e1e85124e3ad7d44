// .dockerignore files of any bytes: parsed, and asked about some paths.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "context/ignore.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto patterns = pgstrata::context::IgnorePatterns::parse(text, ".dockerignore");
  if (!patterns) return 0;
  const auto root = patterns->root();
  for (const char* path : {"a", "a/b", "a/b/c.txt", "node_modules/x/y", ".git/config", "\xff"}) {
    static_cast<void>(patterns->ignores(path, root));
    static_cast<void>(patterns->may_include_below(path));
  }
  static_cast<void>(patterns->scope_of("a/b"));
  return 0;
}
