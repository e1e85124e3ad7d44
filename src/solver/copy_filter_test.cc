#include "solver/copy_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgstrata::solver {
namespace {

using filetree::ChangeSet;
using filetree::Entry;
using filetree::EntryType;
using testing::ElementsAre;

Entry entry(std::string path, EntryType type = EntryType::kRegular, std::string link = "") {
  Entry entry;
  entry.path = std::move(path);
  entry.type = type;
  entry.link = std::move(link);
  return entry;
}

/// The tree below "s": a-b sorts between a and what is in it.
ChangeSet tree() {
  return {entry("s", EntryType::kDirectory),
          entry("s/a", EntryType::kDirectory),
          entry("s/a-b"),
          entry("s/a/b", EntryType::kDirectory),
          entry("s/a/b/c.txt"),
          entry("s/a/d.md"),
          entry("s/e.txt")};
}

std::vector<std::string> left(const std::vector<std::string>& include,
                              const std::vector<std::string>& exclude) {
  ChangeSet entries = tree();
  const auto filter = CopyFilter::make(include, exclude);
  EXPECT_TRUE(filter);
  filter->apply(entries, "s");
  std::vector<std::string> paths;
  for (const Entry& one : entries) paths.push_back(one.path);
  return paths;
}

TEST(CopyFilter, ExcludedDirectoriesGoWithAllThatIsInThem) {
  EXPECT_THAT(left({}, {"a"}), ElementsAre("s", "s/a-b", "s/e.txt"));
  EXPECT_THAT(left({}, {"*.txt"}), ElementsAre("s", "s/a", "s/a-b", "s/a/b", "s/a/b/c.txt", "s/a/d.md"));
  EXPECT_THAT(left({}, {"**"}), ElementsAre("s"));
}

TEST(CopyFilter, AnExceptionBringsItsParentsBack) {
  EXPECT_THAT(left({}, {"a", "!a/b/*.txt"}),
              ElementsAre("s", "s/a", "s/a-b", "s/a/b", "s/a/b/c.txt", "s/e.txt"));
}

TEST(CopyFilter, WhatIsIncludedKeepsItsParentsOnly) {
  EXPECT_THAT(left({"a/*/*.txt"}, {}), ElementsAre("s", "s/a", "s/a/b", "s/a/b/c.txt"));
  EXPECT_THAT(left({"a/b"}, {}), ElementsAre("s", "s/a", "s/a/b", "s/a/b/c.txt"));
  EXPECT_THAT(left({"**/*.txt"}, {"e.txt"}), ElementsAre("s", "s/a", "s/a/b", "s/a/b/c.txt"));
  EXPECT_THAT(left({"nothing"}, {}), ElementsAre("s"));
}

TEST(CopyFilter, ALinkTakesThePlaceOfItsFile) {
  ChangeSet entries{entry("", EntryType::kDirectory), entry("a"), entry("b", EntryType::kHardLink, "a"),
                    entry("c", EntryType::kHardLink, "a")};
  entries[1].size = 7;
  CopyFilter::make({}, {"a"})->apply(entries, "");
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[1].path, "b");
  EXPECT_EQ(entries[1].type, EntryType::kRegular);
  EXPECT_EQ(entries[1].size, 7U);
  EXPECT_EQ(entries[2].type, EntryType::kHardLink);
  EXPECT_EQ(entries[2].link, "b");
}

TEST(CopyFilter, RefusesAMalformedPattern) {
  EXPECT_FALSE(CopyFilter::make({}, {"["}));
  EXPECT_FALSE(CopyFilter::make({}, {"!"}));
}

}  // namespace
}  // namespace pgstrata::solver
