#include "core/checksum.h"

#include <array>
#include <bit>
#include <cstring>

namespace pgstrata {
namespace {

static_assert(std::endian::native == std::endian::little, "words are read as they lie in memory");

std::uint64_t word_at(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data() + at, size);
  return word;
}

}  // namespace

std::uint64_t checksum64(std::string_view bytes, std::uint64_t seed) {
  constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15U;
  // Four lanes, because one multiplication waits for the last.
  std::array<std::uint64_t, 4> lanes{seed, seed + 1, seed + 2, seed + 3};
  const auto mix = [](std::uint64_t& lane, std::uint64_t word) {
    lane = (lane ^ word) * kMultiplier;
    lane ^= lane >> 32;
  };
  std::size_t at = 0;
  for (; at + 32 <= bytes.size(); at += 32)
    for (std::size_t i = 0; i < 4; ++i) mix(lanes[i], word_at(bytes, at + 8 * i, 8));
  for (; at + 8 <= bytes.size(); at += 8) mix(lanes[0], word_at(bytes, at, 8));
  if (at < bytes.size()) mix(lanes[0], word_at(bytes, at, bytes.size() - at));
  std::uint64_t sum = bytes.size();
  for (const std::uint64_t lane : lanes) mix(sum, lane);
  return sum;
}

}  // namespace pgstrata
