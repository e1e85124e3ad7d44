#include "core/clean_path.h"

#include <gtest/gtest.h>

namespace pgstrata {
namespace {

// What the documentation of Go's path.Clean says of each rule.
TEST(CleanPath, IsThatOfGo) {
  EXPECT_EQ(clean_path(""), ".");
  EXPECT_EQ(clean_path("/.."), "/");
  EXPECT_EQ(clean_path("a/.."), ".");
  EXPECT_EQ(clean_path("../../a/./b//"), "../../a/b");
  EXPECT_EQ(clean_path("/a/b/../c"), "/a/c");
}

}  // namespace
}  // namespace pgstrata
