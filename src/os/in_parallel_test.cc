#include "os/in_parallel.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>

namespace pgstrata::os {
namespace {

TEST(InParallel, DoesEachOnce) {
  std::array<std::atomic<int>, 100> done{};
  const auto result = in_parallel(done.size(), 4, {}, [&](std::size_t i, const auto&) -> Result<void> {
    ++done[i];
    return {};
  });
  EXPECT_TRUE(result);
  for (const auto& count : done) EXPECT_EQ(count, 1);
  EXPECT_TRUE(in_parallel(0, 4, {}, [](std::size_t, const auto&) -> Result<void> { return {}; }));
}

TEST(InParallel, TheFirstErrorEndsIt) {
  std::atomic<int> begun = 0;
  const auto result = in_parallel(1000, 2, {}, [&](std::size_t i, const auto&) -> Result<void> {
    ++begun;
    if (i == 3) return fail({.what = "the third"});
    return {};
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().what, "the third");
  EXPECT_LT(begun, 1000);
}

TEST(InParallel, IsStoppedFromOutside) {
  std::stop_source stop;
  const auto result =
      in_parallel(1000, 2, stop.get_token(), [&](std::size_t, const auto& token) -> Result<void> {
        stop.request_stop();
        EXPECT_TRUE(token.stop_requested());
        return {};
      });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace pgstrata::os
