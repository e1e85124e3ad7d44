// Which names of base images can be bootstrapped.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgstrata::bootstrap {

struct BaseName {
  std::string
      suite;  ///< as in the tag: a codename, or stable, testing … (resolved by the mirror's Release file)
  bool slim = false;
  bool operator==(const BaseName&) const = default;
};

/// "debian:bookworm-slim", also as library/debian, docker.io/library/debian, index.docker.io/…. None for
/// any other repository, for tags that aren't a suite, and for references with a digest.
[[nodiscard]] std::optional<BaseName> parse_base_name(std::string_view reference);

}  // namespace pgstrata::bootstrap
