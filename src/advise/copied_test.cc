#include "advise/copied.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgstrata::advise {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// COPY . /opt/app of a context with these files (directories end with a slash), sorted.
Copied whole(const std::vector<std::string>& files) {
  Copied copied{.roots = {{.source = "", .destination = "opt/app", .directory = true}},
                .flags = "--chown=app ",
                .destination = "/opt/app"};
  copied.files.push_back({.path = "opt/app", .source = "", .directory = true});
  for (std::string file : files) {
    const bool directory = file.ends_with('/');
    if (directory) file.pop_back();
    copied.files.push_back(
        {.path = "opt/app/" + file, .source = file, .directory = directory, .regular = !directory});
  }
  return copied;
}

Copied usual() {
  return whole({"entrypoint.sh", "setup/", "setup.sh", "setup/lib/", "setup/lib/apt.sh", "setup/lib/log.sh",
                "setup/one.sh", "setup/two.sh"});
}

std::vector<std::string> lines(const Copied& copied, const Paths& wanted, const Paths& without = {}) {
  return copy_lines(copied, closure(copied, wanted), without).lines;
}

constexpr filetree::Questions kRead = filetree::kAskedContent | filetree::kAskedKind | filetree::kAskedRead;

TEST(Needed, AreFilesThatWereAskedFor) {
  const Copied copied = usual();
  EXPECT_THAT(needed(copied, {{"etc/passwd", kRead},
                              {"opt/app", filetree::kAskedKind},
                              {"opt/app/gone", filetree::kAskedAbsent},
                              {"opt/app/setup", filetree::kAskedKind},
                              {"opt/app/setup.sh", kRead}}),
              ElementsAre("opt/app", "opt/app/setup", "opt/app/setup.sh"));
}

TEST(Needed, AListingNeedsEveryName) {
  const Copied copied = usual();
  EXPECT_THAT(needed(copied, {{"opt/app/setup/lib", filetree::kAskedListing | filetree::kAskedRead}}),
              ElementsAre("opt/app/setup/lib", "opt/app/setup/lib/apt.sh", "opt/app/setup/lib/log.sh"));
  // A stat of the directory tells of its time only.
  EXPECT_THAT(needed(copied, {{"opt/app/setup/lib", filetree::kAskedListing}}),
              ElementsAre("opt/app/setup/lib"));
}

TEST(CopyLines, FilesOfOneDirectoryAreOneLineAndWholeDirectoriesAreThemselves) {
  EXPECT_THAT(
      lines(usual(), {"opt/app/setup.sh", "opt/app/setup/lib/apt.sh", "opt/app/setup/lib/log.sh",
                      "opt/app/setup/one.sh"}),
      ElementsAre("COPY --chown=app setup.sh /opt/app/", "COPY --chown=app setup/one.sh /opt/app/setup/",
                  "COPY --chown=app setup/lib/ /opt/app/setup/lib/"));
  const Copied copied = usual();
  EXPECT_THAT(lines(copied, copied.all()), ElementsAre("COPY --chown=app . /opt/app/"));
}

TEST(CopyLines, ADirectoryThatMustBeThereComesWithItsFiles) {
  EXPECT_THAT(lines(usual(), {"opt/app/setup/lib"}),
              ElementsAre("COPY --chown=app setup/lib/ /opt/app/setup/lib/"));
}

TEST(CopyLines, WhatCantBeNamedComesWithItsDirectory) {
  Copied copied = whole({"a b", "dir/", "dir/file", "dir/link", "other"});
  copied.files[4].regular = false;
  EXPECT_THAT(lines(copied, {"opt/app/dir/link"}), ElementsAre("COPY --chown=app dir/ /opt/app/dir/"));
  EXPECT_EQ(closure(copied, {"opt/app/a b"}), copied.all());
}

TEST(CopyLines, LeaveOutWhatIsThere) {
  const Copied copied = usual();
  EXPECT_THAT(copy_lines(copied, copied.all(), closure(copied, {"opt/app/setup/one.sh"})).lines,
              ElementsAre("COPY --chown=app entrypoint.sh setup.sh /opt/app/",
                          "COPY --chown=app setup/two.sh /opt/app/setup/",
                          "COPY --chown=app setup/lib/ /opt/app/setup/lib/"));
}

TEST(CopyLines, OfSeveralSources) {
  Copied copied{.files = {{.path = "x/a", .source = "one/a", .regular = true},
                          {.path = "x/b", .source = "two/b", .root = 1, .regular = true},
                          {.path = "x/c", .source = "dir/c", .root = 2, .regular = true}},
                .roots = {{.source = "one/a", .destination = "x/a"},
                          {.source = "two/b", .destination = "x/b"},
                          {.source = "dir", .destination = "x", .directory = true}},
                .destination = "/x/"};
  EXPECT_THAT(lines(copied, {"x/b", "x/c"}), ElementsAre("COPY dir/ /x/", "COPY two/b /x/"));
}

TEST(CopyLines, LongOnesAreContinued) {
  std::vector<std::string> names;
  for (int i = 10; i < 40; ++i) names.push_back("a-name-" + std::to_string(i));
  names.emplace_back("zz");
  const Copied copied = whole(names);
  Paths wanted = copied.all();
  wanted.erase("opt/app/zz");
  const auto made = lines(copied, wanted);
  ASSERT_EQ(made.size(), 3U);
  EXPECT_TRUE(made[0].ends_with(" \\"));
  EXPECT_TRUE(made[1].starts_with("    a-name"));
  EXPECT_LE(made[0].size(), 122U);
}

TEST(Closure, OfAnIndivisibleOneIsAllOrNothing) {
  Copied copied = usual();
  copied.indivisible = "it is an ADD";
  EXPECT_EQ(closure(copied, {"opt/app/setup.sh"}), copied.all());
  EXPECT_THAT(closure(copied, {}), IsEmpty());
}

TEST(Rounded, DirectoriesOfWhichHalfIsWanted) {
  const Copied copied = usual();
  EXPECT_TRUE(rounded(copied, {"opt/app/setup/one.sh", "opt/app/setup/two.sh"})
                  .contains("opt/app/setup/lib/apt.sh"));
  EXPECT_FALSE(rounded(copied, {"opt/app/setup/one.sh"}).contains("opt/app/setup/two.sh"));
}

TEST(Around, GoesFromTheNearestOut) {
  const Copied copied = usual();
  EXPECT_THAT(around(copied, "opt/app/setup/lib/new", {}),
              ElementsAre("opt/app/setup/lib", "opt/app/setup/lib/apt.sh", "opt/app/setup/lib/log.sh"));
  EXPECT_THAT(around(copied, "opt/app/setup/one.sh", {}), ElementsAre("opt/app/setup/one.sh"));
  EXPECT_THAT(around(copied, "opt/app/setup/one.sh", copied.all()), IsEmpty());
}

}  // namespace
}  // namespace pgstrata::advise
