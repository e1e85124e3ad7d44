#include "core/clean_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace pgstrata {

std::string clean_path(std::string_view path) {
  const bool rooted = path.starts_with('/');
  std::vector<std::string_view> kept;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view component = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (component.empty() || component == ".") continue;
    const bool climbs = component == "..";
    if (climbs && !kept.empty() && kept.back() != "..")
      kept.pop_back();
    else if (!climbs || !rooted)
      kept.push_back(component);
  }
  const std::string joined = fmt::format("{}{}", rooted ? "/" : "", fmt::join(kept, "/"));
  return joined.empty() ? "." : joined;
}

}  // namespace pgstrata
