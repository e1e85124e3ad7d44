#include "core/result.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pgstrata {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return fail({.kind = ErrorKind::kUsage, .what = "odd", .where = "here"});
  return value / 2;
}

Result<int> quarter(int value) { return half(TRY(half(value))); }

TEST(Result, TryGivesTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(8).value(), 2);
  const auto failed = quarter(6);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().kind, ErrorKind::kUsage);
  EXPECT_EQ(failed.error().message(), "here: odd");
}

TEST(Error, AFullDiskIsTheMachinesFaultAndSaysWhatToDo) {
  const Error error = system_error("can't write", "/x", ENOSPC);
  EXPECT_EQ(error.kind, ErrorKind::kMachine);
  EXPECT_EQ(error.message(), "/x: can't write: No space left on device");
  EXPECT_FALSE(error.next.empty());
}

}  // namespace
}  // namespace pgstrata
