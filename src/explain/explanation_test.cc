#include "explain/explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "explain/fake_build.h"
#include "os/test_support.h"

namespace pgstrata::explain {
namespace {

using ::testing::ElementsAre;
using testing::fake_build;

std::vector<Number> critical_path(const history::Build& build) {
  std::vector<Number> numbers;
  for (const Step& step : ordered_steps(build))
    if (step.critical) numbers.push_back(step.number);
  return numbers;
}

TEST(Explanation, StepsAreNumberedByLine) {
  history::Build build = fake_build();
  build.steps.back().line = 4;  // configuration comes last in the record, whatever its line
  const std::vector<Step> steps = ordered_steps(build);
  ASSERT_EQ(steps.size(), 8U);
  EXPECT_EQ(steps[3].record.instruction, "CMD true");
  EXPECT_EQ(steps[3].number, 4U);
  EXPECT_EQ(steps[4].record.line, 5);
  EXPECT_THAT(steps[4].needs, ElementsAre(1, 3));
}

TEST(Explanation, TheCriticalPathGoesThroughReusedStepsToWhatTheyWaitedFor) {
  // false waited for test, test for COPY --from, that for make: the reused ones are passed through.
  EXPECT_THAT(critical_path(fake_build()), ElementsAre(2, 3, 6));
}

TEST(Explanation, OfTwoBranchesTheLongerOneIsCritical) {
  history::Build build = fake_build();
  build.steps.resize(3);
  build.steps.push_back({.vertex = 3,
                         .kind = history::Kind::kExec,
                         .line = 4,
                         .status = history::Status::kRan,
                         .started = 0.01,
                         .seconds = 1,
                         .parent = 0});
  build.steps.push_back({.vertex = 4,
                         .kind = history::Kind::kFile,
                         .line = 5,
                         .status = history::Status::kRan,
                         .started = 2.4,
                         .seconds = 0.1,
                         .parent = 3,
                         .inputs = {2}});
  EXPECT_THAT(critical_path(build), ElementsAre(2, 3, 5));
  build.steps[3].seconds = 2.35;
  EXPECT_THAT(critical_path(build), ElementsAre(4, 5));
}

TEST(Explanation, WhatTookNoTimeIsNotCritical) {
  history::Build build = fake_build();
  build.steps[1].seconds = 0.0004;
  EXPECT_THAT(critical_path(build), ElementsAre(3, 6));
}

TEST(Explanation, ABuildThatRanNothingHasNoCriticalPath) {
  history::Build build = fake_build();
  build.steps.resize(1);
  EXPECT_THAT(critical_path(build), ElementsAre());
  EXPECT_TRUE(ordered_steps(history::Build{}).empty());
}

TEST(Explanation, ARebasedStepKnowsWhatChangedBelowIt) {
  history::Build build = fake_build();
  EXPECT_THAT(ordered_steps(build)[4].despite, ElementsAre());
  build.steps[3].status = history::Status::kRan;
  EXPECT_THAT(ordered_steps(build)[4].despite, ElementsAre(4));
}

TEST(Explanation, AStepIsNamedByLineByNumberOrByStageAndLine) {
  const std::vector<Step> steps = ordered_steps(fake_build());
  const auto named = [&steps](const std::string& name) {
    return named_steps(steps, name).value_or(std::vector<Number>());
  };
  EXPECT_THAT(named("5"), ElementsAre(4));  // the fourth step is in line 5
  EXPECT_THAT(named("4"), ElementsAre(4));  // nothing begins in line 4
  EXPECT_THAT(named("#5"), ElementsAre(5));
  EXPECT_THAT(named("tools:3"), ElementsAre(3));
  for (const char* name : {"0", "10", "#0", "#9", "#", "tools:5", "nothing:3", "3x", "", ":"}) {
    const auto none = named_steps(steps, name);
    ASSERT_FALSE(none.has_value()) << name;
    EXPECT_EQ(none.error().kind, ErrorKind::kUsage);
  }
}

TEST(Explanation, ALineThatMakesSeveralStepsNamesAllOfThem) {
  history::Build build = fake_build();
  build.steps[1].line = 1;  // an ONBUILD instruction has the line of its FROM
  ASSERT_VALUE(found, named_steps(ordered_steps(build), "1"));
  EXPECT_THAT(found, ElementsAre(1, 2));
}

}  // namespace
}  // namespace pgstrata::explain
