#include "control_file.h"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

namespace pg_entrypoint {
namespace {

constexpr std::size_t kSize = 8192;
constexpr std::size_t kVersionAt = 8;  // behind the system identifier
constexpr std::size_t kStateAt = 16;   // behind the version of the catalogue
constexpr std::uint32_t kInProduction = 6;
constexpr std::uint32_t kKnownVersion = 1300;
constexpr std::uint32_t kMostVersion = 9999;  // more is another byte order, or nonsense
constexpr std::size_t kChecksumAt = 288;

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xffffffffU;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
  }
  return ~crc;
}

std::uint32_t number_at(const std::string& bytes, std::size_t at) {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

std::string content_of(std::ifstream& file) {
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

bool is_in_production(const std::string& pgdata) {
  std::ifstream file(pgdata + "/global/pg_control", std::ios::binary);
  const std::string bytes = content_of(file);
  return bytes.size() == kSize && number_at(bytes, kStateAt) == kInProduction;
}

std::string control_file_damage(const std::string& pgdata) {
  std::ifstream file(pgdata + "/global/pg_control", std::ios::binary);
  if (!file) return "is missing or can't be read";
  const std::string bytes = content_of(file);
  if (bytes.size() != kSize) return "is incomplete";
  const std::uint32_t version = number_at(bytes, kVersionAt);
  if (version > kMostVersion) return "holds something else";
  const bool bad = crc32c(std::string_view(bytes).substr(0, kChecksumAt)) != number_at(bytes, kChecksumAt);
  if (version == kKnownVersion && bad) return "has a wrong checksum";
  return "";
}

}  // namespace pg_entrypoint
