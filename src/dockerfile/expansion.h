// Variables, quotes and escapes in a Dockerfile's words ("Environment replacement" in the reference):
//   $name ${name} ${name:-word} ${name-word} ${name:+word} ${name+word} ${name:?message} ${name?message}
//   ${name#pattern} ${name##pattern} ${name%pattern} ${name%%pattern} ${name/pattern/text}
//   ${name//pattern/text}
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pgstrata::dockerfile {

/// The value of a variable; nothing if it isn't set.
using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

struct ExpansionRules {
  char escape = '\\';
  bool quotes = true;        ///< ' and " quote; false for heredocs, where they are characters
  bool keep_quotes = false;  ///< quotes have their effect and stay in the result
  bool keep_escapes = false;
  bool keep_unset = false;  ///< $name of an unset variable stays as it is
};

/// Braces may be nested this deep.
inline constexpr int kMaxNesting = 200;
/// A word may grow by this many bytes (as long as one string of an environment can be on Linux), so that a
/// few lines of ENV A=$A$A can't fill the memory.
inline constexpr std::size_t kMaxGrowth = std::size_t{128} << 10;

/// kUsage without place: an open quote or brace, an unknown modifier, ${x?}, a malformed pattern.
Result<std::string> expand(std::string_view word, const Lookup& lookup, const ExpansionRules& rules = {});

/// The same, split at white space that isn't quoted (after expansion).
Result<std::vector<std::string>> expand_words(std::string_view text, const Lookup& lookup,
                                              const ExpansionRules& rules = {});

}  // namespace pgstrata::dockerfile
