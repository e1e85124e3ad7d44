// What `pgstrata advise` prints.
#pragma once

#include <string>

#include "advise/advice.h"

namespace pgstrata::cli {

struct ShownAdvice {
  const advise::Advice& advice;
  std::string context;     ///< as given
  std::string dockerfile;  ///< its path
  bool applied = false;
};
[[nodiscard]] std::string advice_text(const ShownAdvice& shown);
/// One object (docs/advise.md).
[[nodiscard]] std::string advice_json(const ShownAdvice& shown);

}  // namespace pgstrata::cli
