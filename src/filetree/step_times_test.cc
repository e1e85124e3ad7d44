#include "filetree/step_times.h"

#include <gtest/gtest.h>

namespace pgstrata::filetree {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
// A build that began at 1000.2 s, its step at 1010.7 s.
constexpr StepTimes kFirst{
    .build = 1'000'200'000'000, .began = 1'010'700'000'000, .ended = 1'012'000'000'000};
constexpr StepTimes kAgain{
    .build = 2'000'200'000'000, .began = 2'010'700'000'000, .ended = 2'012'000'000'000};

Entry file(const std::string& path, std::int64_t mtime_ns) { return {.path = path, .mtime_ns = mtime_ns}; }

TEST(StepTimes, WhatTheStepMadeIsTheSameWhenItRunsAgain) {
  EXPECT_EQ(lasting_time(1'011 * kSecond, kFirst), lasting_time(2'011 * kSecond, kAgain));
  EXPECT_EQ(lasting_time(kFirst.began, kFirst), lasting_time(kAgain.ended, kAgain));
  // A layer holds whole seconds: 1010.8 has become 1010.
  EXPECT_EQ(lasting_time(1'010 * kSecond, kFirst), lasting_time(2'011 * kSecond, kAgain));
}

TEST(StepTimes, WhatWasMadeEarlierInTheBuildIsAnotherThing) {
  EXPECT_EQ(lasting_time(1'005 * kSecond, kFirst), lasting_time(2'006 * kSecond, kAgain));
  EXPECT_NE(lasting_time(1'005 * kSecond, kFirst), lasting_time(2'011 * kSecond, kAgain));
}

TEST(StepTimes, OtherTimesAreThemselves) {
  EXPECT_EQ(lasting_time(500 * kSecond + 1, kFirst), lasting_time(500 * kSecond, kAgain));
  EXPECT_NE(lasting_time(500 * kSecond, kFirst), lasting_time(501 * kSecond, kAgain));
  EXPECT_NE(lasting_time(1'011 * kSecond, kFirst), lasting_time(1'011 * kSecond, kAgain));
  EXPECT_NE(lasting_time(9'999 * kSecond, kFirst), lasting_time(2'011 * kSecond, kAgain))
      << "touch -d tomorrow";
  EXPECT_EQ(lasting_time(-1, kFirst), -1) << "one nanosecond before 1970";
}

TEST(StepTimes, TheDigestIsOverAllThatMatters) {
  const auto digest = [](std::int64_t mtime_ns) {
    return times_digest(std::vector{file("a", mtime_ns)}, kFirst);
  };
  EXPECT_FALSE(digest(kFirst.began).is_none());
  EXPECT_NE(digest(kFirst.began), digest(5 * kSecond));
  EXPECT_NE(digest(6 * kSecond), digest(5 * kSecond));
  EXPECT_EQ(digest(kFirst.began), digest(kFirst.ended));
  Entry implied = file("a", 5 * kSecond);
  implied.implied = true;
  EXPECT_EQ(times_digest(std::vector{implied}, kFirst), digest(kFirst.began));
}

}  // namespace
}  // namespace pgstrata::filetree
