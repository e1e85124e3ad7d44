#include "core/checksum.h"

#include <gtest/gtest.h>

#include <string>

namespace pgstrata {
namespace {

TEST(Checksum64, NoticesEveryFlippedBitOfEveryLength) {
  for (std::size_t size = 1; size <= 70; ++size) {
    const std::string text(size, 'x');
    const std::uint64_t good = checksum64(text, 7);
    for (std::size_t bit = 0; bit < 8 * size; ++bit) {
      std::string damaged = text;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      ASSERT_NE(checksum64(damaged, 7), good) << size << " bytes, bit " << bit;
    }
  }
}

TEST(Checksum64, DependsOnLengthAndSeed) {
  EXPECT_NE(checksum64(std::string(8, '\0'), 0), checksum64(std::string(9, '\0'), 0));
  EXPECT_NE(checksum64("", 0), checksum64("", 1));
  EXPECT_NE(checksum64("a", 0), checksum64("a", 1));
}

}  // namespace
}  // namespace pgstrata
