// A unified diff of two texts, as diff -u writes it and patch(1) and git apply take it.
#pragma once

#include <string>
#include <string_view>

namespace pgstrata::advise {

/// "" for equal texts. `name` stands behind "a/" and "b/" in the header; three lines of context.
/// Takes time and memory in proportion to the product of the changed parts' lengths: for Dockerfiles.
[[nodiscard]] std::string unified_diff(std::string_view before, std::string_view after,
                                       std::string_view name);

}  // namespace pgstrata::advise
