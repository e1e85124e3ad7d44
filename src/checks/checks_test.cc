// What tests/diagnostics/checks can't show: rules about bases other than scratch, and the forms of the
// report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "checks/outline.h"
#include "checks/report.h"
#include "checks/rules.h"
#include "checks/step_rules.h"
#include "checks/targets.h"
#include "checks/text_rules.h"
#include "graph/fake_plan.h"

namespace pgstrata::checks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Checked {
  graph::FakePlan plan;
  std::set<std::string> unknown_bases;
  context::IgnorePatterns ignore;
  dockerfile::SourceText source;
  std::optional<Error> error;

  std::vector<Warning> warnings(const std::string& text) {
    const dockerfile::Parsed parsed = dockerfile::parse_until_error(text, "Dockerfile");
    source = parsed.dockerfile.source;
    auto options = options_of(parsed.dockerfile.directives, plan.request);
    EXPECT_TRUE(options.has_value());
    Findings findings(std::move(options).value());
    check_text(parsed, plan.request, findings);
    StepRules rules(
        {.request = plan.request, .escape = '\\', .ignore = ignore, .unknown_bases = unknown_bases},
        findings);
    error = parsed.error;
    if (!error) {
      auto graph = graph::build_graph(parsed.dockerfile, plan.request, plan.resolver, &rules);
      if (!graph) error = graph.error();
    }
    if (!error) error = findings.error(source);
    return findings.sorted();
  }
  std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> lines;
    for (const Warning& warning : warnings(text))
      lines.push_back(std::to_string(warning.range.line) + " " + std::string(warning.rule->name));
    return lines;
  }
};

TEST(Rules, TwentyTwoWithNamesAndAddresses) {
  EXPECT_EQ(all_rules().size(), 22U);
  EXPECT_EQ(rule(RuleId::kCopyIgnoredFile).name, "CopyIgnoredFile");
  EXPECT_EQ(rule(RuleId::kCopyIgnoredFile).url(),
            "https://docs.docker.com/go/dockerfile/rule/copy-ignored-file/");
  EXPECT_EQ(rule(RuleId::kExposeInvalidFormat).name, "ExposeInvalidFormat");
}

TEST(Checks, VariablesOfTheBaseAreDefined) {
  EXPECT_THAT(Checked().lines("FROM base\nUSER $LANG\n"), IsEmpty());
  EXPECT_THAT(Checked().lines("FROM base\nUSER $LNAG\n"), ElementsAre("2 UndefinedVar"));
  EXPECT_THAT(Checked().warnings("FROM base\nUSER $LNAG\n").front().message, HasSubstr("$LANG?"));
}

TEST(Checks, NothingIsSaidOfVariablesWhereTheBaseIsNotKnown) {
  Checked checked;
  checked.unknown_bases = {"base"};
  EXPECT_THAT(checked.lines("FROM base AS a\nUSER $X\nFROM a\nUSER $Y\n"), IsEmpty());
}

TEST(Checks, BaseForAnotherPlatform) {
  Checked checked;
  checked.plan.resolver.images["base"].platform.architecture = "arm64";
  EXPECT_THAT(checked.lines("FROM base\n"), ElementsAre("1 InvalidBaseImagePlatform"));
}

TEST(Checks, ShellOfTheBaseIsMeant) {
  Checked checked;
  checked.plan.resolver.images["base"].config.shell = {"/bin/bash", "-c"};
  EXPECT_THAT(checked.lines("FROM base\nCMD x\n"), IsEmpty());
}

TEST(Checks, TriggersOfTheBaseAreReportedAtItsFrom) {
  Checked checked;
  checked.plan.resolver.images["base"].config.on_build = {"ENV a b"};
  EXPECT_THAT(checked.lines("\nFROM base\n"), ElementsAre("2 LegacyKeyValueFormat"));
}

TEST(Checks, AFileThatIsLeftOutCantBeCopied) {
  Checked checked;
  checked.ignore = context::IgnorePatterns::parse("secret\nbuild/*.o\n", ".dockerignore").value();
  EXPECT_THAT(checked.lines("FROM base\nCOPY secret /\nADD build/x.o secret/below other /\n"),
              ElementsAre("2 CopyIgnoredFile", "3 CopyIgnoredFile", "3 CopyIgnoredFile"));
  checked.ignore = context::IgnorePatterns::parse("secret\n!secret/x\n", ".dockerignore").value();
  EXPECT_THAT(checked.lines("FROM base\nCOPY secret /\n"), IsEmpty());
}

TEST(Checks, WhatStandsBeforeAnErrorIsReported) {
  Checked checked;
  EXPECT_THAT(checked.lines("FROM base AS Bad\nMAINTAINER me\nNOSUCH\n"),
              ElementsAre("1 StageNameCasing", "2 MaintainerDeprecated"));
  ASSERT_TRUE(checked.error.has_value());
  EXPECT_EQ(checked.error->where, "Dockerfile:3:1");
}

TEST(Checks, TheBuildArgumentReplacesTheDirective) {
  Checked checked;
  checked.plan.request.build_args["BUILDKIT_DOCKERFILE_CHECK"] = "skip=FromAsCasing;error=true";
  EXPECT_THAT(checked.lines("# check=skip=all\nFROM base as a\nMAINTAINER x\n"),
              ElementsAre("3 MaintainerDeprecated"));
  ASSERT_TRUE(checked.error.has_value());
  EXPECT_EQ(checked.error->message(),
            "--build-arg BUILDKIT_DOCKERFILE_CHECK: build checks failed: MaintainerDeprecated");
}

// With the parsing and the planning (src/graph/speed_test.cc) it is what a build costs in which nothing
// changed.
TEST(Speed, TwoHundredInstructionsAreCheckedInLessThanFiveMilliseconds) {
  std::string text = "FROM base\nARG VERSION=1\n";
  for (int i = 0; i < 66; ++i) {
    const std::string number = std::to_string(i);
    text += "# a comment\nENV NAME_" + number + "=\"value ${VERSION}\" OTHER=$NAME_0 LANG=$LANG\n";
    text += "RUN --mount=type=cache,target=/c/$VERSION make step-" + number + "\n";
    text += "COPY --chown=1:1 src/" + number + " ${NAME_0:-/dst}/" + number + "/\n";
  }
  double best = 1e9;
  for (int i = 0; i < 7; ++i) {
    Checked checked;
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(checked.warnings(text).size(), 1U);  // $NAME_0 in the line that defines it
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count());
  }
  RecordProperty("milliseconds", std::to_string(best));
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers cost more than the limit: " << best << " ms";
#endif
  EXPECT_LT(best, 5.0);
}

TEST(Report, TextHasTheLinesWithMarks) {
  Checked checked;
  const auto warnings = checked.warnings("FROM base\nCMD a \\\n b\nUSER x\nUSER y\n");
  EXPECT_EQ(report_text(warnings, checked.source, true),
            "Check complete, 1 warning has been found!\n\n"
            "WARNING: JSONArgsRecommended - "
            "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/\n" +
                warnings.front().message +
                "\nDockerfile:2\n--------------------\n"
                "   1 |     FROM base\n"
                "   2 | >>> CMD a \\\n"
                "   3 | >>>  b\n"
                "   4 |     USER x\n"
                "--------------------\n");
  EXPECT_EQ(report_text({}, checked.source, true), "Check complete, no warnings found.\n");
  EXPECT_EQ(report_text({}, checked.source, false), "");
}

TEST(Report, JsonHasBuildKitsKeys) {
  Checked checked;
  const auto warnings = checked.warnings("FROM base\nCMD a \\\n b\nFOO\n");
  const auto json = nlohmann::json::parse(report_json(warnings, checked.source, checked.error));
  EXPECT_THAT(json["warnings"], IsEmpty());
  EXPECT_EQ(json["buildError"]["location"]["ranges"][0]["start"]["line"], 4);
  const auto two = checked.warnings("FROM base\nCMD a \\\n b\n");
  const auto again = nlohmann::json::parse(report_json(two, checked.source, checked.error));
  EXPECT_EQ(again["warnings"][0]["ruleName"], "JSONArgsRecommended");
  EXPECT_EQ(again["warnings"][0]["location"]["ranges"][0]["end"]["line"], 3);
  EXPECT_FALSE(again.contains("buildError"));
}

TEST(Targets, AsATable) {
  const auto dockerfile =
      dockerfile::parse("# one does a thing\nFROM a AS one\n# no description\nFROM one\n", "Dockerfile");
  EXPECT_EQ(targets_text(targets_of(*dockerfile)),
            "TARGET    DESCRIPTION\none       does a thing\n(default) \n");
  const auto json = nlohmann::json::parse(targets_json(targets_of(*dockerfile)));
  EXPECT_EQ(json["targets"][0]["base"], "a");
  EXPECT_EQ(json["targets"][1]["default"], true);
}

TEST(Outline, ArgumentsAndMountsOfTheTarget) {
  graph::FakePlan plan;
  plan.request.build_args["given"] = "5";
  const auto dockerfile = dockerfile::parse(
      "# base the image\nARG base=base\nARG unused=1\nARG used=2\nFROM other AS not_needed\nARG far\n"
      "FROM $base AS main\nARG used\n# given a number\nARG given=4\n"
      "RUN --mount=type=secret,id=s,required --mount=type=ssh true\n",
      "Dockerfile");
  const auto outline = outline_of(*dockerfile, plan.request, plan.resolver);
  ASSERT_TRUE(outline.has_value());
  EXPECT_EQ(outline_text(*outline),
            "TARGET: main\n\n"
            "BUILD ARG   VALUE   DESCRIPTION\n"
            "base        base    the image\n"
            "used        2       \n"
            "given       5       a number\n\n"
            "SECRET   REQUIRED\ns        true\n\n"
            "SSH       REQUIRED\ndefault   \n\n");
}

}  // namespace
}  // namespace pgstrata::checks
