// Any bytes as a Dockerfile: an answer with a place, or instructions whose places lie in the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dockerfile/dump.h"
#include "dockerfile/parser.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto dockerfile = pgstrata::dockerfile::parse(text, "Dockerfile");
  if (!dockerfile) {
    const pgstrata::Error& error = dockerfile.error();
    if (error.kind != pgstrata::ErrorKind::kUsage || error.what.empty() ||
        !error.where.starts_with("Dockerfile"))
      std::abort();
    return 0;
  }
  const int lines = dockerfile->source.line_count();
  int last = 0;
  for (const auto& instruction : dockerfile->instructions) {
    const auto& range = instruction.range;
    if (range.line <= last || range.last_line < range.line || range.last_line > lines || range.column < 1)
      std::abort();
    last = range.last_line;
  }
  if (pgstrata::dockerfile::dump(*dockerfile).empty()) std::abort();
  return 0;
}
