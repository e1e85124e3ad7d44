// Bytes behind "RUN ", "COPY " and "ONBUILD ADD ": every heredoc that is found has its text in the file, in
// order, up to a line that is its name; without its tabs it has none at the start of a line.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "dockerfile/parser.h"

namespace {

using namespace pgstrata::dockerfile;

void check(const Instruction& instruction, const std::string& text) {
  std::size_t from = 0;
  for (const Heredoc& heredoc : instruction.heredocs) {
    if (heredoc.name.empty()) std::abort();
    const std::size_t found = text.find(heredoc.content, from);
    if (found == std::string::npos) std::abort();
    from = found + heredoc.content.size();
    std::string_view end = std::string_view(text).substr(from);
    end = end.substr(0, end.find('\n'));
    // What was found is the first place, which for a short text may be an earlier one: then only look on.
    if (end.find(heredoc.name) == std::string_view::npos &&
        text.find(heredoc.name, from) == std::string::npos)
      std::abort();
    const std::string bare = chomped(heredoc);
    if (heredoc.chomp && (bare.starts_with('\t') || bare.find("\n\t") != std::string::npos)) std::abort();
    if (!heredoc.chomp && bare != heredoc.content) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view rest(reinterpret_cast<const char*>(data), size);
  for (const char* keyword : {"RUN ", "COPY ", "ONBUILD ADD "}) {
    const std::string text = "FROM a\n" + std::string(keyword) + std::string(rest);
    const Parsed parsed = parse_until_error(text, "Dockerfile");
    for (const Instruction& instruction : parsed.dockerfile.instructions) check(instruction, text);
    if (parsed.error && parsed.error->where.empty()) std::abort();
  }
  return 0;
}
