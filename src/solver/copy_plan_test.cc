#include "solver/copy_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filetree/fake_file_tree.h"
#include "solver/file_mode.h"

namespace pgstrata::solver {
namespace {

using filetree::Entry;
using filetree::EntryType;
using filetree::FakeFileTree;
using testing::ElementsAre;

/// COPY from `source_` onto `stage_`; what a test looks at are the paths that are changes (not implied).
class CopyPlanTest : public testing::Test {
 protected:
  CopyPlanTest() {
    source_.file("a.txt", "a");
    source_.file("b.txt", "b", 0755);
    source_.directory("dir", 0750);
    source_.file("dir/c.txt", "c");
    source_.symlink("link", "a.txt");
    source_.symlink("dir/up", "../a.txt");
    stage_.directory("opt");
    stage_.directory("opt/app", 0700);
    stage_.file("etc", "a file where a directory might be wanted");
    stage_.symlink("app", "/opt/app");
  }

  static graph::CopyAction copy(std::vector<std::string> sources, std::string destination) {
    graph::CopyAction action;
    action.from = graph::LocalInput{};
    action.sources = std::move(sources);
    action.destination = std::move(destination);
    return action;
  }
  Result<CopyPlan> plan(const graph::CopyAction& action, const CopyOptions& options = {.now_ns = 7}) {
    auto selected = select_sources(action, source_);
    if (!selected) return fail(selected.error());
    return plan_copy(action, source_, std::move(*selected), stage_, options);
  }
  static std::vector<std::string> changed(const Result<CopyPlan>& plan) {
    std::vector<std::string> paths;
    for (const Entry& entry : plan->entries)
      if (!entry.implied) paths.push_back(entry.path);
    return paths;
  }
  static Entry at(const Result<CopyPlan>& plan, std::string_view path) {
    for (const Entry& entry : plan->entries)
      if (entry.path == path) return entry;
    ADD_FAILURE() << path << " isn't in the plan";
    return {};
  }
  FakeFileTree source_, stage_;
};

TEST_F(CopyPlanTest, AFileGetsTheDestinationsName) {
  const auto result = plan(copy({"a.txt"}, "/opt/renamed"));
  ASSERT_TRUE(result);
  EXPECT_THAT(changed(result), ElementsAre("opt/renamed"));
  EXPECT_EQ(result->open(at(result, "opt/renamed"))->text, "a");
}

TEST_F(CopyPlanTest, AFileGoesIntoADirectoryThatExistsOrIsNamedAsOne) {
  EXPECT_THAT(changed(plan(copy({"a.txt"}, "/opt/app"))), ElementsAre("opt/app/a.txt"));
  EXPECT_THAT(changed(plan(copy({"a.txt"}, "/new/"))), ElementsAre("new", "new/a.txt"));
}

TEST_F(CopyPlanTest, OfADirectoryTheContentIsCopied) {
  const auto result = plan(copy({"dir"}, "/opt/app"));
  EXPECT_THAT(changed(result), ElementsAre("opt/app/c.txt", "opt/app/up"));
  EXPECT_EQ(at(result, "opt/app").mode, 0700U) << "a directory that exists keeps its mode";
  EXPECT_EQ(at(plan(copy({"dir"}, "/new")), "new").mode, 0755U) << "a new one is made as any parent";
}

TEST_F(CopyPlanTest, ParentsAreImpliedAsTheyAreBelow) {
  const auto result = plan(copy({"a.txt"}, "/opt/app/"));
  EXPECT_TRUE(at(result, "opt/app").implied);
  EXPECT_EQ(at(result, "opt/app").mode, 0700U);
  EXPECT_TRUE(at(result, "").implied);
}

TEST_F(CopyPlanTest, LinksInTheDestinationAreFollowed) {
  EXPECT_THAT(changed(plan(copy({"a.txt"}, "/app/"))), ElementsAre("opt/app/a.txt"));
}

TEST_F(CopyPlanTest, ASourceThatIsALinkIsFollowedButNotOneBelow) {
  const auto result = plan(copy({"link"}, "/opt/"));
  EXPECT_EQ(at(result, "opt/link").type, EntryType::kRegular);
  EXPECT_EQ(result->open(at(result, "opt/link"))->text, "a");
  EXPECT_EQ(at(plan(copy({"dir"}, "/opt/app")), "opt/app/up").link, "../a.txt");
}

TEST_F(CopyPlanTest, AGlobSelectsSeveralIntoADirectory) {
  EXPECT_THAT(changed(plan(copy({"*.txt"}, "/opt/app/"))), ElementsAre("opt/app/a.txt", "opt/app/b.txt"));
}

TEST_F(CopyPlanTest, TheLastOfTwoSourcesWithOneNameStands) {
  source_.directory("other");
  source_.file("other/a.txt", "other");
  const auto result = plan(copy({"a.txt", "other/a.txt"}, "/opt/app/"));
  EXPECT_THAT(changed(result), ElementsAre("opt/app/a.txt"));
  EXPECT_EQ(result->open(at(result, "opt/app/a.txt"))->text, "other");
}

TEST_F(CopyPlanTest, WhatIsMissingIsNamed) {
  const auto result = plan(copy({"nothing"}, "/opt/"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kUsage);
  EXPECT_NE(result.error().what.find("nothing"), std::string::npos);
}

TEST_F(CopyPlanTest, AFileAndADirectoryNeverReplaceEachOther) {
  source_.directory("tree");
  source_.directory("tree/etc");
  EXPECT_FALSE(plan(copy({"tree"}, "/"))) << "a directory in place of the file /etc";
  source_.directory("files");
  source_.file("files/opt", "x");
  EXPECT_FALSE(plan(copy({"files"}, "/"))) << "a file in place of the directory /opt";
  EXPECT_FALSE(plan(copy({"a.txt"}, "/etc/x"))) << "/etc is a file, so it can't hold one";
}

TEST_F(CopyPlanTest, ChownAndChmodHoldForAllThatIsCopied) {
  auto action = copy({"dir"}, "/new/deep");
  action.chown = "5:6";
  action.chmod = "u=rwX,go=";
  const auto result = plan(action);
  EXPECT_EQ(at(result, "new/deep/c.txt").mode, 0600U);
  EXPECT_EQ(at(result, "new/deep/c.txt").gid, 6U);
  EXPECT_EQ(at(result, "new").uid, 5U) << "created parents belong to --chown's owner";
  EXPECT_EQ(at(result, "new").mode, 0755U);
  action.chmod = "4750";
  EXPECT_EQ(at(plan(action), "new/deep").mode, 0750U)
      << "a number holds for created directories, its setuid bit doesn't";
  EXPECT_EQ(at(plan(action), "new/deep/c.txt").mode, 04750U);
}

TEST_F(CopyPlanTest, AnUnknownOwnerIsRootWithAWarningButInNothingAtAllAnError) {
  auto action = copy({"a.txt"}, "/new/");
  action.chown = "nobody-here";
  EXPECT_EQ(at(plan(action), "new/a.txt").uid, 0U);
  EXPECT_THAT(plan(action)->warning, testing::HasSubstr("no user \"nobody-here\""));
  EXPECT_FALSE(plan(action, {.now_ns = 7, .has_stage = false}));
  action.chown = "root:6";
  EXPECT_EQ(plan(action)->warning, "");
  EXPECT_TRUE(plan(action, {.now_ns = 7, .has_stage = false}));
}

TEST_F(CopyPlanTest, OfSeveralFilesForOneNameTheLastStands) {
  const auto result = plan(copy({"a.txt", "b.txt"}, "/opt/one"));
  EXPECT_THAT(changed(result), ElementsAre("opt/one"));
  EXPECT_EQ(result->open(at(result, "opt/one"))->text, "b");
  EXPECT_THAT(changed(plan(copy({"dir", "a.txt"}, "/opt/new"))),
              ElementsAre("opt/new", "opt/new/a.txt", "opt/new/c.txt", "opt/new/up"));
}

TEST_F(CopyPlanTest, WithAnEpochTheCheckoutsTimesPlayNoPart) {
  source_.file("a.txt", "a").mtime_ns = 123;
  const CopyOptions options{.now_ns = 9, .epoch_ns = 9};
  EXPECT_EQ(at(plan(copy({"a.txt"}, "/opt/")), "opt/a.txt").mtime_ns, 123);
  EXPECT_EQ(at(plan(copy({"a.txt"}, "/opt/"), options), "opt/a.txt").mtime_ns, 9);
}

TEST_F(CopyPlanTest, HeredocsAreFilesOfTheirName) {
  graph::CopyAction action = copy({}, "/opt/app/");
  action.inline_files = {{"script", "text"}};
  const auto result = plan(action);
  EXPECT_EQ(result->open(at(result, "opt/app/script"))->text, "text");
}

TEST_F(CopyPlanTest, AWorkdirMakesWhatIsMissingAndNothingElse) {
  const auto make = [&](const char* path) {
    return plan_directory({.path = path, .user = ""}, stage_, CopyOptions{.now_ns = 7});
  };
  EXPECT_THAT(changed(make("/opt/app")), ElementsAre());
  EXPECT_THAT(changed(make("/app/x/y")), ElementsAre("opt/app/x", "opt/app/x/y"));
  EXPECT_FALSE(make("/etc/x"));
}

class SourceDigestTest : public CopyPlanTest {
 protected:
  oci::Digest digest(const graph::CopyAction& action) {
    return source_digest(action, select_sources(action, source_).value()).value();
  }
};

TEST_F(SourceDigestTest, TimesPlayNoPartButContentAndModeDo) {
  const auto action = copy({"dir"}, "/x");
  const oci::Digest before = digest(action);
  source_.file("dir/c.txt", "c").mtime_ns = 99;
  EXPECT_EQ(digest(action), before);
  source_.file("dir/c.txt", "c", 0600);
  EXPECT_NE(digest(action), before);
  source_.file("dir/c.txt", "C");
  EXPECT_NE(digest(action), before);
}

TEST_F(SourceDigestTest, WhatChmodReplacesPlaysNoPart) {
  auto action = copy({"dir"}, "/x");
  action.chmod = "0644";
  const oci::Digest before = digest(action);
  source_.file("dir/c.txt", "c", 0600);
  EXPECT_EQ(digest(action), before);
}

TEST_F(SourceDigestTest, TheNameOfACopiedFileCountsThatOfADirectoryDoesNot) {
  source_.file("same.txt", "a");
  EXPECT_NE(digest(copy({"a.txt"}, "/x/")), digest(copy({"same.txt"}, "/x/")));
  source_.directory("dir2", 0750);
  source_.file("dir2/c.txt", "c");
  source_.symlink("dir2/up", "../a.txt");
  EXPECT_EQ(digest(copy({"dir"}, "/x/")), digest(copy({"dir2"}, "/x/")));
}

TEST(FileMode, IsThatOfChmod) {
  const auto apply = [](const char* text, std::uint32_t mode, bool directory = false) {
    return FileMode::parse(text)->apply(mode, directory);
  };
  EXPECT_EQ(apply("0755", 0600), 0755U);
  EXPECT_EQ(apply("u=rwX,go=rX", 0600), 0644U);
  EXPECT_EQ(apply("u=rwX,go=rX", 0700), 0755U);
  EXPECT_EQ(apply("u=rwX,go=rX", 0600, true), 0755U);
  EXPECT_EQ(apply("+x", 0644), 0755U);
  EXPECT_EQ(apply("g-w,o-rwx", 0666), 0640U);
  EXPECT_EQ(apply("u+s,+t", 0755), 05755U);
  EXPECT_EQ(apply("g=u", 0700), 0770U);
  EXPECT_EQ(apply("u+x-w,g=u-r", 0600), 0510U);
  EXPECT_EQ(apply("o+t,g+s", 0755), 02755U) << "a sticky bit isn't for others alone";
  EXPECT_EQ(apply("a=rx", 07777), 01555U) << "'=' leaves a sticky bit that it doesn't name";
  EXPECT_EQ(apply("u-x,a+X", 0700), 0711U) << "X looks at the mode as it was";
  for (const char* bad : {"", "8", "07778", "u", "u?x", "u=q", "rwx"})
    EXPECT_FALSE(FileMode::parse(bad)) << bad;
}

}  // namespace
}  // namespace pgstrata::solver
