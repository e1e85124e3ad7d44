// Paths as text: a file name may hold any bytes, JSON and HTML only Unicode, and a terminal obeys some of
// it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgstrata::history {

/// Bytes that aren't UTF-8, control characters and "%" become "%" and two hex digits each, as in a URL.
[[nodiscard]] std::string encode_path(std::string_view path);
/// The bytes of it; nothing if a "%" has no two digits behind it.
[[nodiscard]] std::optional<std::string> decode_path(std::string_view text);

}  // namespace pgstrata::history
