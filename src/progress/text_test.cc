#include "progress/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgstrata::progress {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(DisplayWidth, FollowsUnicode) {
  EXPECT_EQ(display_width("make"), 4U);
  EXPECT_EQ(display_width("ä"), 1U);
  EXPECT_EQ(display_width("a\xCC\x88"), 1U);  // a and a combining diaeresis
  EXPECT_EQ(display_width("日本"), 4U);
  EXPECT_EQ(display_width("🐘"), 2U);
  EXPECT_EQ(display_width("✓│…"), 3U);
  EXPECT_EQ(display_width("\xFF\xFE"), 2U);
}

TEST(FirstCharacter, RefusesWhatIsNotUtf8) {
  EXPECT_EQ(first_character("\xC3\xA4x").code, U'ä');
  EXPECT_FALSE(first_character("\xC0\x80").valid);          // overlong
  EXPECT_FALSE(first_character("\xE0\x80\xAF").valid);      // overlong
  EXPECT_FALSE(first_character("\xED\xA0\x80").valid);      // a surrogate
  EXPECT_FALSE(first_character("\xF4\x90\x80\x80").valid);  // above U+10FFFF
  EXPECT_FALSE(first_character("\xE6\x97").valid);          // cut
  EXPECT_EQ(first_character("\xE6\x97").length, 1U);
}

TEST(Truncate, KeepsWhatFits) {
  EXPECT_EQ(truncate("make", 4, true), "make");
  EXPECT_EQ(truncate("make", 3, true), "ma…");
  EXPECT_EQ(truncate("make", 3, false), "ma~");
  EXPECT_EQ(truncate("make", 1, true), "…");
  EXPECT_EQ(truncate("make", 0, true), "");
  EXPECT_EQ(truncate("", 0, true), "");
}

TEST(Truncate, NeverCutsAWideCharacter) {
  EXPECT_EQ(truncate("日本語", 6, true), "日本語");
  EXPECT_EQ(truncate("日本語", 5, true), "日本…");
  EXPECT_EQ(truncate("日本語", 4, true), "日…");
  for (std::size_t columns = 0; columns < 8; ++columns)
    EXPECT_LE(display_width(truncate("a日b本c語", columns, true)), columns);
}

TEST(Sanitize, RemovesWhatWouldMoveTheCursor) {
  EXPECT_EQ(sanitize("\x1b[1;31merror\x1b[0m: x"), "error: x");
  EXPECT_EQ(sanitize("\x1b]0;title\x07text"), "text");
  EXPECT_EQ(sanitize("\x1b]8;;http://example.org\x1b\\link"), "link");
  EXPECT_EQ(sanitize("\x1b(Ba"), "a");
  EXPECT_EQ(sanitize("a\x1b[2"), "a");
  EXPECT_EQ(sanitize("a\bb\x7f\a"), "ab");
  EXPECT_EQ(sanitize("\xC2\x9B"
                     "31m"),
            "31m");  // the one-character CSI
  EXPECT_EQ(sanitize("a\tb"), "a       b");
  EXPECT_EQ(sanitize("x\xFFy"), "x?y");
}

TEST(Sanitize, ShowsTheLastStateOfAProgressBar) {
  EXPECT_EQ(sanitize("10%\r50%\r100%"), "100%");
  EXPECT_EQ(sanitize("100%\r"), "100%");
}

TEST(Tail, KeepsTheLastLines) {
  Tail tail(2);
  EXPECT_THAT(tail.lines(), IsEmpty());
  tail.add("one\ntw");
  EXPECT_THAT(tail.lines(), ElementsAre("one", "tw"));
  tail.add("o\nthree\nfour");
  EXPECT_THAT(tail.lines(), ElementsAre("three", "four"));
  EXPECT_EQ(tail.dropped(), 1U);
  tail.add("\n");
  EXPECT_THAT(tail.lines(), ElementsAre("three", "four"));
  EXPECT_EQ(tail.dropped(), 2U);
}

TEST(Tail, DoesNotGrowWithALineThatNeverEnds) {
  Tail tail(2);
  for (int i = 0; i < 1000; ++i) tail.add(std::string(100, 'x'));
  ASSERT_EQ(tail.lines().size(), 1U);
  EXPECT_EQ(tail.lines().front().size(), 4096U);
}

}  // namespace
}  // namespace pgstrata::progress
