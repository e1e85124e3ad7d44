#include "solver/shown_times.h"

#include <gtest/gtest.h>

#include "snapshot/test_support.h"

namespace pgstrata::solver {
namespace {

using snapshot::testing::FakeChain;
using snapshot::testing::file_entry;

/// A chain of two layers: the first shows its own times, the second those of 1000 to 2000 from 5000 on.
Chain reused_chain() {
  Chain chain;
  chain.times = {std::nullopt, TimeMap{.from = 1000, .to = 2000, .shown_from = 5000, .shown_to = 5100}};
  return chain;
}

FakeChain two_layers() {
  FakeChain files;
  files.add({file_entry("old", "")});
  files.add({file_entry("made", "")});
  return files;
}

TEST(ShownTimes, OfALayerThatWasReusedAreThoseOfThisBuild) {
  const FakeChain files = two_layers();
  const auto view = files.view();
  const ShownTimes shown = shown_times(reused_chain(), *view);
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown("made", 1000), 5000);
  EXPECT_EQ(shown("made", 2000), 5100);
  EXPECT_EQ(shown("made", 999), 999) << "not made by the step";
  EXPECT_EQ(shown("old", 1500), 1500) << "of another layer";
  EXPECT_FALSE(shown_times(Chain{}, *view)) << "nothing to change";
}

// Only the upper directory of a step has fractions of a second; a layer that was pruned or comes from a
// shared cache is unpacked from its tar.
TEST(ShownTimes, TheWholeSecondInWhichAStepBeganIsOfTheStep) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const TimeMap map{.from = 5 * kSecond + 300,
                    .whole_from = 5 * kSecond,
                    .to = 6 * kSecond + 1,
                    .shown_from = 100,
                    .shown_to = 200};
  EXPECT_TRUE(map.holds(5 * kSecond));
  EXPECT_EQ(map.shown(5 * kSecond), 100);
  EXPECT_FALSE(map.holds(5 * kSecond + 299)) << "has a fraction: made before";
  EXPECT_FALSE(map.holds(4 * kSecond));
  EXPECT_TRUE(map.holds(6 * kSecond));
}

TEST(ShownTimes, AWholeSecondThatATimeFromElsewhereHasAsWellIsNotOfTheStep) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const cache::LayerRow layer{
      .times = oci::sha256("any"),
      .step = {.build = 1, .began = 6 * kSecond, .ended = 6 * kSecond},
  };
  const cache::Made made{.began = 5 * kSecond + 300, .ended = 5 * kSecond + 900};
  const Chain chain = Chain{}.with_reused(layer, made, 100 * kSecond);
  const TimeMap map = chain.times.back().value();
  EXPECT_FALSE(map.holds(5 * kSecond)) << "taken from elsewhere";
  EXPECT_TRUE(map.holds(5 * kSecond + 300)) << "the step's, in its upper directory";
  EXPECT_TRUE(map.holds(6 * kSecond)) << "the same, unpacked from its tar";
  EXPECT_LE(map.shown(6 * kSecond), chain.shown_until);
}

// The chain of a stage that is mounted into a RUN is a temporary of whoever asks for the mount.
TEST(ShownTimes, OutliveTheChain) {
  const FakeChain files = two_layers();
  const auto view = files.view();
  Chain chain = reused_chain();
  const ShownTimes shown = shown_times(chain, *view);
  chain.times.back() = TimeMap{.from = 0, .to = 9000, .shown_from = 1, .shown_to = 2};
  EXPECT_EQ(shown("made", 1000), 5000);
  EXPECT_EQ(shown("made", 3000), 3000);
}

}  // namespace
}  // namespace pgstrata::solver
