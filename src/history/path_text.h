// Paths in JSON: a file name may hold any bytes, JSON only Unicode.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgstrata::history {

/// "%" and every byte that isn't part of well-formed UTF-8 become "%" and two hex digits.
[[nodiscard]] std::string encode_path(std::string_view path);
/// The bytes of it; nothing if a "%" has no two digits behind it.
[[nodiscard]] std::optional<std::string> decode_path(std::string_view text);

}  // namespace pgstrata::history
