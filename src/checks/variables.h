// Words with their variables expanded, and which variables these were.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/expansion.h"

namespace pgstrata::checks {

struct ExpandedWord {
  std::optional<std::string> text;  ///< nothing if it can't be expanded
  std::set<std::string> set;
  std::set<std::string> unset;
};
[[nodiscard]] ExpandedWord expand_word(std::string_view word, const dockerfile::Lookup& lookup,
                                       const dockerfile::ExpansionRules& rules);

/// " (did you mean NAME?)", or "".
[[nodiscard]] std::string suggestion(std::string_view name, const std::vector<std::string>& known,
                                     std::string_view prefix = "");

}  // namespace pgstrata::checks
