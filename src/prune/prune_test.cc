#include "prune/prune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgstrata::prune {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Item item(const std::string& name, Kind kind, std::int64_t last_used, bool needed,
          std::uint64_t bytes = 100) {
  return {.kind = kind,
          .name = name,
          .bytes = bytes,
          .last_used = last_used,
          .needed = needed,
          .layer = oci::sha256(name)};
}

std::vector<std::string> names(const std::vector<Item>& items) {
  std::vector<std::string> found;
  for (const Item& one : items) found.push_back(one.name);
  return found;
}

const Inventory kStore{
    .items = {item("needed", Kind::kLayer, 1, true), item("young", Kind::kLayer, 9, false),
              item("old", Kind::kLayer, 2, false), item("manifest", Kind::kBlob, 1, true),
              item("mount", Kind::kCacheMount, 5, false)},
    .images = {},
    .other_bytes = 50};

TEST(Prune, TheLeastRecentlyUsedGoesFirstUntilTheRestFits) {
  EXPECT_EQ(kStore.total(), 550U);
  EXPECT_THAT(names(choose(kStore, {}, {.keep_bytes = 550, .unused_since = {}})), IsEmpty());
  EXPECT_THAT(names(choose(kStore, {}, {.keep_bytes = 549, .unused_since = {}})), ElementsAre("old"));
  EXPECT_THAT(names(choose(kStore, {}, {.keep_bytes = 400, .unused_since = {}})),
              ElementsAre("old", "mount"));
}

TEST(Prune, WhatATagNeedsStaysEvenIfTheRestDoesNotFit) {
  EXPECT_THAT(names(choose(kStore, {}, {.keep_bytes = 0, .unused_since = {}})),
              ElementsAre("old", "mount", "young"));
}

TEST(Prune, OnlyWhatWasNotUsedSince) {
  EXPECT_THAT(names(choose(kStore, {}, {.keep_bytes = 0, .unused_since = 5})), ElementsAre("old"));
}

TEST(Prune, OfANeededLayerItsOtherFormsMayGoUnlessTheyAreMounted) {
  const Inventory store{.items = {item("a", Kind::kUnpacked, 1, true), item("b", Kind::kUnpacked, 2, true),
                                  item("c", Kind::kCompressed, 3, true)},
                        .images = {},
                        .other_bytes = 0};
  EXPECT_THAT(names(choose(store, {oci::sha256("a")}, {.keep_bytes = 0, .unused_since = {}})),
              ElementsAre("b", "c"));
}

TEST(Prune, SizesAreReadable) {
  EXPECT_EQ(size_text(999), "999 B");
  EXPECT_EQ(size_text(1000), "1.0 kB");
  EXPECT_EQ(size_text(12'345'678), "12.3 MB");
}

}  // namespace
}  // namespace pgstrata::prune
