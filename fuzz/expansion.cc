// The first line is the word; the lines below are NAME=value. Checks that a word without variables, quotes
// and escapes stays as it is, that nothing grows beyond the limit, and that both entry points agree.
#include "dockerfile/expansion.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "dockerfile/heredoc.h"

namespace {

using namespace pgstrata::dockerfile;

std::map<std::string, std::string, std::less<>> variables_of(std::string_view lines) {
  std::map<std::string, std::string, std::less<>> variables;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    if (const std::size_t equals = line.find('='); equals != std::string_view::npos)
      variables[std::string(line.substr(0, equals))] = line.substr(equals + 1);
  }
  return variables;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view word = text.substr(0, text.find('\n'));
  const auto variables = variables_of(text.substr(std::min(word.size() + 1, text.size())));
  const Lookup lookup = [&variables](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  for (const char escape : {'\\', '`'}) {
    for (const bool keep : {false, true}) {
      const ExpansionRules rules{
          .escape = escape, .keep_quotes = keep, .keep_escapes = keep, .keep_unset = keep};
      const auto expanded = expand(word, lookup, rules);
      const auto words = expand_words(word, lookup, rules);
      if (expanded.has_value() != words.has_value()) std::abort();
      if (!expanded) continue;
      if (expanded->size() > word.size() + kMaxGrowth) std::abort();
      if (word.find_first_of("$'\"\\`") == std::string_view::npos && *expanded != word) std::abort();
      // An escape within double quotes is kept twice where it escapes nothing: patterns need it so.
      if (keep && word.find_first_of("$\"") == std::string_view::npos && *expanded != word) std::abort();
    }
  }
  (void)parse_heredoc(word);
  (void)heredocs_of(word);
  return 0;
}
