// What is different from the last build: the reason of a cache miss in words ("entrypoint.sh changed").
#pragma once

#include <compare>
#include <string>

namespace pgstrata::context {

enum class ChangeKind {
  kContent,   ///< other bytes, another link target or another type
  kMetadata,  ///< another mode or other extended attributes
  kAppeared,  ///< for a directory: with all that is in it
  kVanished,  ///< likewise
};

struct ChangedPath {
  std::string path;
  ChangeKind kind = ChangeKind::kContent;
  auto operator<=>(const ChangedPath&) const = default;
};

}  // namespace pgstrata::context
