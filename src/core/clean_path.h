// Paths cleaned as Go's path.Clean does it, on which Docker's file formats rest.
#pragma once

#include <string>
#include <string_view>

namespace pgstrata {

/// Lexical: no empty and no "." components, ".." taken back where it can be. Keeps a leading slash and
/// leading ".."; "." for nothing.
[[nodiscard]] std::string clean_path(std::string_view path);

}  // namespace pgstrata
