#include "checks/variables.h"

#include <fmt/format.h>

#include "core/suggestion.h"

namespace pgstrata::checks {

ExpandedWord expand_word(std::string_view word, const dockerfile::Lookup& lookup,
                         const dockerfile::ExpansionRules& rules) {
  ExpandedWord expanded;
  const dockerfile::Lookup noting = [&](std::string_view name) {
    auto value = lookup(name);
    (value ? expanded.set : expanded.unset).emplace(name);
    return value;
  };
  auto text = dockerfile::expand(word, noting, rules);
  if (text) expanded.text = std::move(*text);
  return expanded;
}

std::string suggestion(std::string_view name, const std::vector<std::string>& known,
                       std::string_view prefix) {
  const std::string nearest = closest(name, known);
  return nearest.empty() ? "" : fmt::format(" (did you mean {}{}?)", prefix, nearest);
}

}  // namespace pgstrata::checks
