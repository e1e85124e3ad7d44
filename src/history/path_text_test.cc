#include "history/path_text.h"

#include <gtest/gtest.h>

namespace pgstrata::history {
namespace {

TEST(PathText, WhatIsNotUtf8IsWrittenInHex) {
  EXPECT_EQ(encode_path("usr/bin/a b"), "usr/bin/a b");
  EXPECT_EQ(encode_path("100%"), "100%25");
  EXPECT_EQ(encode_path("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");
  EXPECT_EQ(encode_path("\xFF\xC3"), "%FF%C3");
  EXPECT_EQ(encode_path("\xC0\xAF"), "%C0%AF");                // overlong
  EXPECT_EQ(encode_path("\xED\xA0\x80"), "%ED%A0%80");         // a surrogate
  EXPECT_EQ(encode_path("\xF4\x90\x80\x80"), "%F4%90%80%80");  // beyond U+10FFFF
  EXPECT_EQ(encode_path("\xE2\x82"), "%E2%82");                // cut off
  EXPECT_EQ(encode_path("a\n\x1B[0m\x7F\xC2\x9B"), "a%0A%1B[0m%7F%C2%9B");
  EXPECT_EQ(encode_path("\xF0\x9F\x90\x98"), "\xF0\x9F\x90\x98");
}

TEST(PathText, EveryByteComesBack) {
  std::string path;
  for (int byte = 1; byte < 256; ++byte) {
    path += static_cast<char>(byte);
    EXPECT_EQ(decode_path(encode_path(path)), path);
  }
  EXPECT_EQ(decode_path(encode_path("%41")), "%41");
}

TEST(PathText, APercentSignWithoutDigitsIsNoPath) {
  for (const char* text : {"%", "a%4", "%G1", "%1G"}) EXPECT_EQ(decode_path(text), std::nullopt) << text;
}

}  // namespace
}  // namespace pgstrata::history
