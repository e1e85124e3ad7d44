#include "dockerfile/characters.h"

#include <algorithm>
#include <array>

namespace pgstrata::dockerfile {
namespace {

bool is_blank(char c) { return c == '\t' || c == '\v' || c == '\f' || c == '\r' || c == ' '; }

struct Block {
  char32_t first;
  char32_t last;
};
// Blocks above ASCII without letters or digits in them.
constexpr std::array kSymbols = {Block{0x80, 0xA9},       Block{0xAB, 0xB4},       Block{0xB6, 0xB9},
                                 Block{0xBB, 0xBF},       Block{0xD7, 0xD7},       Block{0xF7, 0xF7},
                                 Block{0x2000, 0x206F},   Block{0x20A0, 0x20FF},   Block{0x2190, 0x2BFF},
                                 Block{0x3000, 0x3004},   Block{0x3008, 0x3020},   Block{0xD800, 0xF8FF},
                                 Block{0xFE00, 0xFE6F},   Block{0xFF01, 0xFF0F},   Block{0xFFF0, 0xFFFF},
                                 Block{0x1F000, 0x1FAFF}, Block{0xE0000, 0x1100FF}};

// Length of a well-formed sequence that starts with `lead`, and the smallest value it may have.
struct Form {
  std::size_t size;
  char32_t smallest;
};
Form form_of(unsigned char lead) {
  if (lead >= 0xC2 && lead <= 0xDF) return {2, 0x80};
  if (lead >= 0xE0 && lead <= 0xEF) return {3, 0x800};
  if (lead >= 0xF0 && lead <= 0xF4) return {4, 0x10000};
  return {0, 0};
}

}  // namespace

CodePoint decode(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return {lead, 1};
  const CodePoint invalid{kInvalidByte + lead, 1};
  const Form form = form_of(lead);
  if (form.size == 0 || text.size() < form.size) return invalid;
  char32_t value = lead & (0xFFU >> (form.size + 1));
  for (std::size_t i = 1; i < form.size; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0U) != 0x80) return invalid;
    value = (value << 6U) | (next & 0x3FU);
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < form.smallest || value > 0x10FFFF || surrogate) return invalid;
  return {value, form.size};
}

void encode(std::string& out, char32_t value) {
  const auto byte = [&out](char32_t bits) { out += static_cast<char>(static_cast<unsigned char>(bits)); };
  if (value >= kInvalidByte) return byte(value - kInvalidByte);
  if (value < 0x80) return byte(value);
  if (value < 0x800) {
    byte(0xC0U | (value >> 6U));
  } else if (value < 0x10000) {
    byte(0xE0U | (value >> 12U));
    byte(0x80U | ((value >> 6U) & 0x3FU));
  } else {
    byte(0xF0U | (value >> 18U));
    byte(0x80U | ((value >> 12U) & 0x3FU));
    byte(0x80U | ((value >> 6U) & 0x3FU));
  }
  byte(0x80U | (value & 0x3FU));
}

bool is_space(char32_t value) {
  if (value < 0x80) return value == ' ' || (value >= '\t' && value <= '\r');
  return value == 0x85 || value == 0xA0 || value == 0x1680 || (value >= 0x2000 && value <= 0x200A) ||
         value == 0x2028 || value == 0x2029 || value == 0x202F || value == 0x205F || value == 0x3000;
}

bool is_letter(char32_t value) {
  if (value < 0x80) return (value >= 'a' && value <= 'z') || (value >= 'A' && value <= 'Z');
  return std::none_of(kSymbols.begin(), kSymbols.end(),
                      [value](const Block& block) { return value >= block.first && value <= block.last; });
}

std::string_view trim_left(std::string_view text) {
  while (!text.empty()) {
    const CodePoint first = decode(text);
    if (!is_space(first.value)) break;
    text.remove_prefix(first.size);
  }
  return text;
}

std::string_view trim(std::string_view text) {
  text = trim_left(text);
  while (!text.empty()) {
    // A sequence is at most four bytes; the last one starts where decoding reaches exactly the end.
    std::size_t size = 1;
    while (size < 4 && size < text.size() &&
           (static_cast<unsigned char>(text[text.size() - size]) & 0xC0U) == 0x80)
      ++size;
    const CodePoint last = decode(text.substr(text.size() - size));
    if (last.size != size || !is_space(last.value)) break;
    text.remove_suffix(size);
  }
  return text;
}

std::vector<std::string_view> split_blanks(std::string_view text, std::size_t limit) {
  std::vector<std::string_view> parts;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (!is_blank(text[i]) || parts.size() + 1 == limit) {
      ++i;
      continue;
    }
    parts.push_back(text.substr(start, i - start));
    while (i < text.size() && is_blank(text[i])) ++i;
    start = i;
  }
  parts.push_back(text.substr(start));
  return parts;
}

}  // namespace pgstrata::dockerfile
