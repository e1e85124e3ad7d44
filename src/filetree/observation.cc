#include "filetree/observation.h"

#include <array>
#include <utility>

namespace pgstrata::filetree {

std::string_view name_of(Questions questions) {
  static constexpr std::array kNames = {
      std::pair(kAskedAbsent, "absence"),    std::pair(kAskedKind, "kind"),
      std::pair(kAskedContent, "content"),   std::pair(kAskedTarget, "link target"),
      std::pair(kAskedListing, "listing"),   std::pair(kAskedMeta, "metadata"),
      std::pair(kAskedXattrs, "attributes"),
  };
  for (const auto& [question, name] : kNames)
    if ((questions & question) != 0) return name;
  return "nothing";
}

}  // namespace pgstrata::filetree
