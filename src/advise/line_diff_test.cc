#include "advise/line_diff.h"

#include <gtest/gtest.h>

namespace pgstrata::advise {
namespace {

TEST(UnifiedDiff, OfEqualTextsIsEmpty) { EXPECT_EQ(unified_diff("a\nb\n", "a\nb\n", "F"), ""); }

TEST(UnifiedDiff, ShowsAMovedLineWithItsSurroundings) {
  EXPECT_EQ(
      unified_diff("1\n2\n3\n4\nCOPY\nRUN\n7\n8\n9\n10\n", "1\n2\n3\n4\nRUN\nCOPY\n7\n8\n9\n10\n", "F"),
      "--- a/F\n+++ b/F\n@@ -2,8 +2,8 @@\n 2\n 3\n 4\n-COPY\n RUN\n+COPY\n 7\n 8\n 9\n");
}

TEST(UnifiedDiff, BeginsAnotherHunkWhereTheContextsDontTouch) {
  const std::string quiet = "1\n2\n3\n4\n5\n6\n7\n";
  EXPECT_EQ(unified_diff("a\n" + quiet + "b\n", "A\n" + quiet + "B\n", "F"),
            "--- a/F\n+++ b/F\n@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
}

TEST(UnifiedDiff, JoinsHunksWhoseContextsTouch) {
  const std::string quiet = "1\n2\n3\n4\n5\n6\n";
  EXPECT_EQ(unified_diff("a\n" + quiet + "b\n", "A\n" + quiet + "B\n", "F"),
            "--- a/F\n+++ b/F\n@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n");
}

TEST(UnifiedDiff, TellsOfAMissingNewline) {
  EXPECT_EQ(unified_diff("a\nb", "a\nc", "F"),
            "--- a/F\n+++ b/F\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at "
            "end of file\n");
}

TEST(UnifiedDiff, NamesTheLineBeforeAnEmptyRange) {
  EXPECT_EQ(unified_diff("", "a\n", "F"), "--- a/F\n+++ b/F\n@@ -0,0 +1 @@\n+a\n");
}

}  // namespace
}  // namespace pgstrata::advise
