#include "advise/cost.h"

#include <gtest/gtest.h>

#include "advise/edits.h"

namespace pgstrata::advise {
namespace {

TEST(Selects, FilesAndWhatLiesBelowDirectories) {
  EXPECT_TRUE(selects({"."}, "a/b"));
  EXPECT_TRUE(selects({""}, "a"));
  EXPECT_TRUE(selects({"/a/"}, "a/b/c"));
  EXPECT_TRUE(selects({"a/*.sh"}, "a/b.sh"));
  EXPECT_TRUE(selects({"x", "a"}, "a"));
  EXPECT_TRUE(selects({"s*"}, "src/deep/file"));
  EXPECT_FALSE(selects({"a"}, "ab"));
  EXPECT_FALSE(selects({"a/b"}, "a"));
  EXPECT_FALSE(selects({"*.sh"}, "a/b.sh"));
  EXPECT_FALSE(selects({}, "a"));
}

/// base, COPY of `files`, RUN of ten seconds, RUN of one.
std::vector<Step> chain(Selection files) {
  return {{},
          {.seconds = 0.5, .on = {0}, .files = std::move(files)},
          {.seconds = 10, .on = {1}},
          {.seconds = 1, .on = {2}}};
}

TEST(CostModel, AnEditCostsTheCopyAndAllAboveIt) {
  CostModel model({{.paths = {"a"}, .rate = 2}, {.paths = {"b"}, .rate = 4}});
  EXPECT_DOUBLE_EQ(model.rebuild_seconds(chain({"a"})), 2 * 11.5);
  EXPECT_DOUBLE_EQ(model.rebuild_seconds(chain({"."})), 6 * 11.5);
  EXPECT_DOUBLE_EQ(model.rebuild_seconds(chain({"c"})), 0);
}

TEST(CostModel, AnEditOfTwoFilesIsOneRebuild) {
  CostModel model({{.paths = {"a", "b"}, .rate = 1}});
  const std::vector<Step> steps = {{.seconds = 1, .files = {"a"}},
                                   {.seconds = 2, .on = {0}, .files = {"b"}}};
  EXPECT_DOUBLE_EQ(model.rebuild_seconds(steps), 3);
}

TEST(CostModel, GoesThroughStagesAndTellsHowOften) {
  CostModel model({{.paths = {"a"}, .rate = 3}});
  // Two stages; the second copies from the first, whose last step is made anew.
  const std::vector<Step> steps = {{.seconds = 1},
                                   {.seconds = 1, .on = {0}, .files = {"a"}},
                                   {.seconds = 5},
                                   {.seconds = 1, .on = {2, 1}}};
  EXPECT_EQ(model.rebuilds(steps), (std::vector<double>{0, 3, 0, 3}));
  EXPECT_DOUBLE_EQ(model.rebuild_seconds(steps), 6);
}

TEST(GitLog, IsReadToTheByte) {
  const std::string log(
      "\x01"
      "1700000000\0\na\0c d\0"
      "\x01"
      "1600000000\0"
      "\x01"
      "1500000000\0\nx/y\n\0",
      49);
  const std::vector<Edit> edits = parse_git_log(log);
  ASSERT_EQ(edits.size(), 2U);
  EXPECT_EQ(edits[0].paths, (std::vector<std::string>{"a", "c d"}));
  EXPECT_EQ(edits[1].paths, (std::vector<std::string>{"x/y\n"}));
  EXPECT_TRUE(parse_git_log("").empty());
}

TEST(EqualEdits, AreOneInAll) {
  const Edits edits = equal_edits({"a", "b", "c", "d"}, "no git");
  ASSERT_EQ(edits.edits.size(), 4U);
  EXPECT_DOUBLE_EQ(edits.edits[2].rate, 0.25);
  EXPECT_EQ(edits.no_history, "no git");
}

}  // namespace
}  // namespace pgstrata::advise
