// An explanation as one page: no resource from elsewhere, works from a file, light and dark as the browser
// wants it.
#pragma once

#include <string>

#include "explain/explanation.h"

namespace pgstrata::explain {

[[nodiscard]] std::string html(const Explanation& explanation);

}  // namespace pgstrata::explain
