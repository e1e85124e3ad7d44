#include "history/path_text.h"

#include <fmt/format.h>

#include <cstddef>

#include "progress/text.h"

namespace pgstrata::history {
namespace {

/// Neither in a terminal nor in a page should a file name do anything but be seen.
bool is_plain(const progress::Character& character) {
  const bool is_control = character.code < 0x20 || (character.code >= 0x7F && character.code < 0xA0);
  return character.valid && !is_control && character.code != '%';
}

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

}  // namespace

std::string encode_path(std::string_view path) {
  std::string text;
  text.reserve(path.size());
  while (!path.empty()) {
    const progress::Character character = progress::first_character(path);
    const std::string_view bytes = path.substr(0, character.length);
    if (is_plain(character))
      text += bytes;
    else
      for (const char byte : bytes) text += fmt::format("%{:02X}", static_cast<unsigned char>(byte));
    path.remove_prefix(character.length);
  }
  return text;
}

std::optional<std::string> decode_path(std::string_view text) {
  std::string path;
  path.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      path += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    path += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return path;
}

}  // namespace pgstrata::history
