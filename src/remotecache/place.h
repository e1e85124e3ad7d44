// The values of --cache-to and --cache-from: where a shared cache is (docs/shared-cache.md). buildx's
// notation, one line of CSV:
//
//   type=local,dest=DIRECTORY[,tag=TAG][,mode=min|max][,ignore-error=true]     --cache-to
//   type=local,src=DIRECTORY[,tag=TAG][,digest=DIGEST]                         --cache-from
//   type=registry,ref=NAME[,mode=…][,ignore-error=…]                           both
//   NAME                                                                       type=registry,ref=NAME
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/result.h"
#include "oci/digest.h"
#include "oci/reference.h"

namespace pgstrata::remotecache {

/// An OCI image layout; its index names the cache by a tag.
struct DirectoryPlace {
  std::string directory;
  std::string tag = "latest";
  std::optional<oci::Digest> digest;  ///< of the manifest, instead of the tag
};
struct RegistryPlace {
  oci::Reference reference;
};
using Place = std::variant<DirectoryPlace, RegistryPlace>;

enum class Mode {
  kMin,  ///< the steps whose layers are in the image
  kMax,  ///< those of all stages
};

struct CacheTo {
  Place place;
  Mode mode = Mode::kMax;
  bool ignore_error = false;  ///< a cache that can't be written fails no build
};

/// kUsage with a suggestion. Nothing is looked at.
Result<CacheTo> parse_cache_to(std::string_view text);
Result<Place> parse_cache_from(std::string_view text);

/// The directory, or the reference as people write it.
[[nodiscard]] std::string in_words(const Place& place);

}  // namespace pgstrata::remotecache
