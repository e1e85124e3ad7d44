#include "explain/reads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "explain/wording.h"
#include "snapshot/test_support.h"

namespace pgstrata::explain {
namespace {

using snapshot::testing::directory_entry;
using snapshot::testing::FakeChain;
using snapshot::testing::file_entry;
using snapshot::testing::typed_entry;

cache::ReadSet read_set(const filetree::Observations& observations) {
  return cache::ReadSet::decode(cache::encode_read_set(observations)).value_or(cache::ReadSet());
}

std::vector<OriginLayer> layers(const FakeChain& chain, const std::vector<Origin>& origins) {
  std::vector<OriginLayer> layers;
  for (std::size_t i = 0; i < origins.size(); ++i) layers.push_back({&chain.layer(i), origins[i]});
  return layers;
}

/// "base a b" for each group.
std::vector<std::string> lines(const Reads& reads) {
  static constexpr std::array kNames = {"context", "step", "base", "mount", "nowhere"};
  std::vector<std::string> lines;
  for (const Group& group : reads) {
    std::string line = kNames[group.origin.index()];
    for (const filetree::Observation& one : group.asked) line += " " + (one.path.empty() ? "/" : one.path);
    lines.push_back(std::move(line));
  }
  return lines;
}

TEST(Reads, EachPathIsPutToTheTopmostLayerThatHasIt) {
  FakeChain chain;
  chain.add({directory_entry("bin"), file_entry("bin/sh", "sh"), file_entry("over", "old"),
             file_entry("gone", "1")});
  chain.add({directory_entry("src"), file_entry("src/a", "a"), file_entry("over", "new")});
  chain.add({file_entry("made", "made"), typed_entry("gone", filetree::EntryType::kWhiteout)});
  const auto asked = read_set({{.path = "", .questions = filetree::kAskedKind},
                               {.path = "bin", .questions = filetree::kAskedListing},
                               {.path = "bin/sh", .questions = filetree::kAskedContent},
                               {.path = "gone", .questions = filetree::kAskedAbsent},
                               {.path = "made", .questions = filetree::kAskedContent},
                               {.path = "never", .questions = filetree::kAskedAbsent},
                               {.path = "over", .questions = filetree::kAskedContent},
                               {.path = "src/a", .questions = filetree::kAskedKind}});
  ASSERT_VALUE(reads, grouped_reads(asked, *chain.view(),
                                    layers(chain, {FromBase{1}, FromContext{2}, FromStep{3}})));
  EXPECT_THAT(lines(reads), ::testing::ElementsAre("context over src/a", "step made", "base / bin bin/sh",
                                                   "nowhere gone never"));
  const Counts counts = counts_of(reads[0]);
  EXPECT_EQ(counts.read, 1U);
  EXPECT_EQ(counts.looked_up, 1U);
}

TEST(Reads, ADirectoryIsOfTheLayerThatMadeItAndNotOfThoseThatGoThroughIt) {
  filetree::Entry through = directory_entry("opt");
  through.implied = true;
  FakeChain chain;
  chain.add({directory_entry("opt")});
  chain.add({through, file_entry("opt/a", "a")});
  const auto asked = read_set({{.path = "opt", .questions = filetree::kAskedListing},
                               {.path = "opt/a", .questions = filetree::kAskedContent}});
  ASSERT_VALUE(reads, grouped_reads(asked, *chain.view(), layers(chain, {FromBase{1}, FromContext{2}})));
  EXPECT_THAT(lines(reads), ::testing::ElementsAre("context opt/a", "base opt"));
}

TEST(Reads, LayersOfOneBaseAreOneGroup) {
  FakeChain chain;
  chain.add({file_entry("a", "a")});
  chain.add({file_entry("b", "b")});
  const auto asked = read_set({{.path = "a", .questions = filetree::kAskedContent},
                               {.path = "b", .questions = filetree::kAskedContent}});
  ASSERT_VALUE(reads, grouped_reads(asked, *chain.view(), layers(chain, {FromBase{1}, FromBase{1}})));
  EXPECT_THAT(lines(reads), ::testing::ElementsAre("base a b"));
}

TEST(Reads, MountsComeBeforeWhatWasNotThere) {
  Reads reads = {{.origin = FromBase{1}, .asked = {{.path = "a", .questions = filetree::kAskedContent}}},
                 {.origin = Nowhere{}, .asked = {{.path = "b", .questions = filetree::kAskedAbsent}}}};
  add_mounts({{.mount = 1, .observations = {{.path = "c", .questions = filetree::kAskedContent}}},
              {.mount = 0, .observations = {}}},
             {"", "/m"}, reads);
  EXPECT_THAT(lines(reads), ::testing::ElementsAre("base a", "mount c", "nowhere b"));
  EXPECT_EQ(std::get<FromMount>(reads[1].origin).target, "/m");
}

}  // namespace
}  // namespace pgstrata::explain
