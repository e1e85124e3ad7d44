// Platforms as image-spec and containerd write them: "linux/amd64", "linux/arm64/v8".
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace pgstrata::oci {

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;

  /// Parses "os[/arch[/variant]]", normalising x86_64 and aarch64 and the like; kUsage otherwise.
  static Result<Platform> parse(std::string_view text);
  /// The machine's own.
  static Platform host();
  [[nodiscard]] std::string str() const;
  /// True if an image for `image` runs here: the same, or an older variant of the same architecture.
  [[nodiscard]] bool runs(const Platform& image) const;
  auto operator<=>(const Platform&) const = default;
};

}  // namespace pgstrata::oci
