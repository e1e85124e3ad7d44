#include "progress/wording.h"

#include <gtest/gtest.h>

namespace pgstrata::progress {
namespace {

TEST(Duration, ChangesItsUnit) {
  EXPECT_EQ(duration(0), "0 ms");
  EXPECT_EQ(duration(0.0084), "8 ms");
  EXPECT_EQ(duration(0.9994), "999 ms");
  EXPECT_EQ(duration(0.9996), "1.0 s");
  EXPECT_EQ(duration(59.94), "59.9 s");
  EXPECT_EQ(duration(59.96), "1 min 00 s");
  EXPECT_EQ(duration(125), "2 min 05 s");
}

TEST(ShortDuration, FitsSixColumns) {
  EXPECT_EQ(short_duration(0.04), "0.0s");
  EXPECT_EQ(short_duration(99.94), "99.9s");
  EXPECT_EQ(short_duration(99.96), "100s");
  EXPECT_EQ(short_duration(725), "12m05s");
  EXPECT_EQ(short_duration(5999.6), "1h40m");
  EXPECT_EQ(short_duration(7320), "2h02m");
}

TEST(Summary, CountsWhatHappened) {
  Counts counts;
  EXPECT_EQ(summary(Built{}, counts, 0.008), "built in 8 ms: nothing to do");
  EXPECT_EQ(summary(Error{}, counts, 0.008), "failed after 8 ms: no step was begun");
  for (int i = 0; i < 11; ++i) counts.add(Hit{});
  counts.add(Rebased{});
  counts.add(Ran{});
  EXPECT_EQ(summary(Built{}, counts, 0.008), "built in 8 ms: 12 reused, 1 new");
  counts.add(CutOff{});
  counts.add(Failed{});
  counts.add(Cancelled{});
  EXPECT_EQ(summary(Error{}, counts, 3.21),
            "failed after 3.2 s: 12 reused, 1 new, 1 ran without a change, 1 failed, 1 cancelled");
  EXPECT_EQ(counts.finished(), 16);
}

TEST(Describe, SaysAllThatTheErrorSays) {
  EXPECT_EQ(describe({.what = "can't read",
                      .where = "Dockerfile:3",
                      .why = "gone",
                      .next = "make it",
                      .detail = "RUN x"}),
            "error: Dockerfile:3: can't read: gone\nRUN x\nhint: make it\n");
  EXPECT_EQ(describe({.what = "no"}), "error: no\n");
}

}  // namespace
}  // namespace pgstrata::progress
