// The parts of the page that html.h puts together.
#pragma once

#include <string>
#include <string_view>

#include "explain/explanation.h"

namespace pgstrata::explain {

/// Text between tags or in an attribute in double quotes. What isn't UTF-8 and control characters become
/// U+FFFD.
[[nodiscard]] std::string escaped(std::string_view text);
/// "Step 3" that leads to its card.
[[nodiscard]] std::string link_to(Number step);

/// A row for each step with its bar in time.
[[nodiscard]] std::string timeline(const Explanation& explanation);
/// A row for each layer, the largest first.
[[nodiscard]] std::string layers(const Explanation& explanation);
/// A card for each step.
[[nodiscard]] std::string cards(const Explanation& explanation);

}  // namespace pgstrata::explain
