// An explanation for programs: docs/contracts/explain.schema.json.
#pragma once

#include <string>
#include <vector>

#include "explain/explanation.h"

namespace pgstrata::explain {

/// The steps that `steps` names, or all. `reads`: with everything that RUNs asked, else only what they read
/// of contexts and mounts.
[[nodiscard]] std::string json(const Explanation& explanation, const std::vector<Number>& steps,
                               bool reads);

/// An array with one object for each build.
[[nodiscard]] std::string json(const std::vector<history::Build>& builds);

}  // namespace pgstrata::explain
