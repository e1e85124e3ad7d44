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

TEST(StepTimes, AnOlderTimeOfTheSecondInWhichTheStepBeganIsToldApart) {
  const auto at = [](std::int64_t fraction) { return 1'010 * kSecond + fraction; };
  std::vector changes{file("taken", at(0)), file("earlier", at(500'000'000)), file("own", at(900'000'000)),
                      file("later", 1'011 * kSecond + 1)};
  const StepTimes step = tell_apart(changes, kFirst);
  const auto lasting = [&](std::size_t i) { return lasting_time(changes[i].mtime_ns, step); };
  EXPECT_EQ(step.build, kFirst.build);
  EXPECT_EQ(lasting(0), lasting(1)) << "both were there when the step began, and not when the build did";
  EXPECT_EQ(lasting(2), lasting(3));
  EXPECT_NE(lasting(0), lasting(2));
  EXPECT_EQ(changes[0].mtime_ns, at(0));
  EXPECT_EQ(changes[2].mtime_ns, 1'011 * kSecond) << "in whole seconds, the first that is the step's alone";
}

TEST(StepTimes, AnOlderTimeOfTheSecondInWhichTheBuildBeganIsItself) {
  std::vector changes{file("saved", 1'000 * kSecond), file("earlier", 1'000 * kSecond + 900'000'000),
                      file("own", kFirst.began)};
  const StepTimes step = tell_apart(changes, kFirst);
  EXPECT_EQ(lasting_time(changes[0].mtime_ns, step), 1'000);
  EXPECT_EQ(lasting_time(changes[1].mtime_ns, step), 1'000) << "can't be told from the other any more";
  EXPECT_EQ(lasting_time(changes[2].mtime_ns, step), lasting_time(kAgain.ended, kAgain));
  EXPECT_EQ(changes[1].mtime_ns, 1'000 * kSecond + 900'000'000);
}

TEST(StepTimes, AStepAndItsBuildInOneSecondWithAnOlderTime) {
  constexpr StepTimes kShort{
      .build = 700 * kSecond + 2, .began = 700 * kSecond + 4, .ended = 700 * kSecond + 8};
  std::vector changes{file("saved", 700 * kSecond), file("own", 700 * kSecond + 6)};
  const StepTimes step = tell_apart(changes, kShort);
  EXPECT_EQ(lasting_time(changes[0].mtime_ns, step), 700);
  EXPECT_EQ(lasting_time(changes[1].mtime_ns, step), lasting_time(kAgain.ended, kAgain));
}

TEST(StepTimes, NothingChangesWhereNothingIsOlder) {
  std::vector changes{file("own", kFirst.began), file("of an archive", 5 * kSecond),
                      file("ignored", 1'010 * kSecond)};
  changes[2].implied = true;
  EXPECT_EQ(tell_apart(changes, kFirst), kFirst);
  EXPECT_EQ(changes[0].mtime_ns, kFirst.began);
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
