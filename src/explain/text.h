// An explanation for a terminal.
#pragma once

#include <string>
#include <vector>

#include "explain/explanation.h"

namespace pgstrata::explain {

/// All steps, a few lines each.
[[nodiscard]] std::string text(const Explanation& explanation);

struct Details {
  bool reads = false;  ///< list all that was asked, by question
};
/// All that is known of some steps.
[[nodiscard]] std::string text(const Explanation& explanation, const std::vector<Number>& steps,
                               Details details);

/// One line for each build, newest first.
[[nodiscard]] std::string text(const std::vector<history::Build>& builds);

}  // namespace pgstrata::explain
