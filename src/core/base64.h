// Bytes as text and back.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgstrata {

/// Standard base64 (RFC 4648, 4), with padding.
[[nodiscard]] std::string encode_base64(std::string_view bytes);
/// Nothing if it isn't; missing padding is taken.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

}  // namespace pgstrata
