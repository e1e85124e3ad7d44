// Unicode white space and letters, on UTF-8 bytes. Bytes that aren't UTF-8 are kept as they are: file
// names may hold them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pgstrata::dockerfile {

struct CodePoint {
  char32_t value = 0;    ///< a byte that begins no valid sequence is kInvalidByte + itself
  std::size_t size = 0;  ///< bytes
};
inline constexpr char32_t kInvalidByte = 0x110000;

/// The code point at the start of `text`, which must not be empty.
[[nodiscard]] CodePoint decode(std::string_view text);
/// Appends a code point as decode() gives it: text that is decoded and encoded is the same again.
void encode(std::string& out, char32_t value);

/// Unicode's White_Space property, as Go's unicode.IsSpace has it.
[[nodiscard]] bool is_space(char32_t value);
[[nodiscard]] inline bool is_digit(char32_t value) { return value >= '0' && value <= '9'; }
/// True for ASCII letters, and for code points above ASCII outside of the blocks of punctuation,
/// symbols, private use and emoji: near enough to Unicode's categories L and N for variable names.
[[nodiscard]] bool is_letter(char32_t value);

[[nodiscard]] std::string_view trim_left(std::string_view text);
[[nodiscard]] std::string_view trim(std::string_view text);

/// `text` cut at runs of tab, vertical tab, form feed, carriage return and space; into `limit` parts at
/// most (0: no limit). Never empty; leading and trailing blanks give empty parts.
[[nodiscard]] std::vector<std::string_view> split_blanks(std::string_view text, std::size_t limit = 0);

}  // namespace pgstrata::dockerfile
