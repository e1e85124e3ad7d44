#include "core/base64.h"

#include <gtest/gtest.h>

namespace pgstrata {
namespace {

TEST(Base64, BothWays) {
  for (const std::string bytes : {"", "a", "ab", "abc", "abcd", "\xff\xfe\xfd"})
    EXPECT_EQ(decode_base64(encode_base64(bytes)), bytes);
  EXPECT_EQ(encode_base64("a"), "YQ==");
  EXPECT_EQ(decode_base64("YQ"), "a");
  EXPECT_EQ(decode_base64("Y Q"), std::nullopt);
}

}  // namespace
}  // namespace pgstrata
