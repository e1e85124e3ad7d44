// "Did you mean …?"
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pgstrata {

/// The option that differs from `word` by at most two insertions, deletions or substitutions (the
/// first of the nearest), or "". Equality means that the word isn't what is wrong: "".
[[nodiscard]] std::string closest(std::string_view word, std::span<const std::string> options);

/// "did you mean X?", or `otherwise` if nothing is near.
[[nodiscard]] std::string did_you_mean(std::string_view word, std::span<const std::string> options,
                                       std::string otherwise = {});

}  // namespace pgstrata
