// Which stages are built, from what, under which names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/fake_plan.h"

namespace pgstrata::graph {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;

TEST(Stages, OneStageIsNumberedWithoutName) {
  FakePlan plan;
  const BuildGraph graph = plan.graph("FROM base\nRUN a\nENV b=c\nCOPY d /e\nWORKDIR /f\n");
  EXPECT_THAT(names(graph),
              ElementsAre("[1/4] FROM base", "[2/4] RUN a", "[3/4] COPY d /e", "[4/4] WORKDIR /f"));
  EXPECT_EQ(graph.target.name, "stage-0");
  EXPECT_EQ(graph.target.root, VertexId{3});
  for (VertexId id = 1; id < 4; ++id) EXPECT_EQ(graph.vertices[id].parent, id - 1);
  EXPECT_EQ(graph.vertices[0].parent, std::nullopt);
}

TEST(Stages, SeveralAreNumberedEachWithItsName) {
  FakePlan plan;
  std::string text = "FROM base AS Build\nRUN a\nFROM scratch\nCOPY --from=build /x /y\n";
  EXPECT_THAT(names(plan.graph(text)), ElementsAre("[build 1/2] FROM base", "[build 2/2] RUN a",
                                                   "[stage-1 1/1] COPY --from=build /x /y"));
}

TEST(Stages, NumbersAreAlignedToTheTotal) {
  FakePlan plan;
  std::string text = "FROM base\n";
  for (int i = 0; i < 9; ++i) text += "RUN a\n";
  const auto found = names(plan.graph(text));
  ASSERT_EQ(found.size(), 10U);
  EXPECT_EQ(found[0], "[ 1/10] FROM base");
  EXPECT_EQ(found[9], "[10/10] RUN a");
}

TEST(Stages, OnlyWhatTheTargetNeedsIsResolvedAndPlanned) {
  FakePlan plan;
  plan.request.target = "TWO";
  const BuildGraph graph = plan.graph(
      "FROM missing AS one\nRUN a\nFROM base AS two\nRUN b\nFROM missing AS three\nCOPY --from=one x y\n");
  EXPECT_THAT(names(graph), ElementsAre("[two 1/2] FROM base", "[two 2/2] RUN b"));
  EXPECT_THAT(plan.resolver.asked, ElementsAre("base linux/amd64"));
  EXPECT_EQ(graph.target.name, "two");
}

TEST(Stages, FromKnowsThemByTheirLowerCaseNamesOnly) {
  FakePlan plan;
  EXPECT_EQ(plan.graph("FROM base AS One\nFROM one\nCOPY --from=ONE x y\n").vertices.size(), 2U);
  EXPECT_THAT(plan.error("FROM base AS One\nFROM One\n").next, HasSubstr("write one"));
}

TEST(Stages, AnImageUsedTwiceIsOneVertexAndOneQuestion) {
  FakePlan plan;
  const BuildGraph graph = plan.graph("FROM base AS a\nRUN x\nFROM base\nCOPY --from=a x y\n");
  EXPECT_EQ(graph.vertices.size(), 3U);
  EXPECT_EQ(graph.vertices[2].parent, VertexId{0});
  EXPECT_THAT(plan.resolver.asked, ElementsAre("base linux/amd64"));
}

TEST(Stages, FromAStageInheritsFilesConfigAndArgs) {
  FakePlan plan;
  const BuildGraph graph =
      plan.graph("FROM base AS a\nARG v=1\nENV e=2\nWORKDIR /w\nUSER u\nFROM a\nRUN x\n");
  EXPECT_EQ(graph.vertices.back().parent, VertexId{1});
  const ExecOp& run = only<ExecOp>(graph);
  EXPECT_THAT(run.env, testing::UnorderedElementsAre("PATH=/bin", "LANG=C", "v=1", "e=2"));
  EXPECT_EQ(run.cwd, "/w");
  EXPECT_EQ(run.user, "u");
  EXPECT_THAT(history(graph), ElementsAre("ARG v=1", "ENV e=2", "WORKDIR /w", "USER u",
                                          "RUN |1 v=1 /bin/sh -c x # buildkit"));
}

TEST(Stages, CopyFromAnImageNeedsNoConfiguration) {
  FakePlan plan;
  const BuildGraph graph = plan.graph("FROM scratch\nCOPY --from=busybox:1 /bin/sh /bin/\n");
  EXPECT_THAT(plan.resolver.asked, IsEmpty());
  ASSERT_EQ(graph.vertices.size(), 2U);
  EXPECT_EQ(graph.vertices[0].name, "FROM busybox:1");
  EXPECT_EQ(std::get<SourceOp>(graph.vertices[0].op).reference, "busybox:1");
  EXPECT_EQ(std::get<VertexInput>(copy_of(graph).from).vertex, VertexId{0});
  EXPECT_THAT(inputs(graph.vertices[1].op), ElementsAre(0));
}

TEST(Stages, CopyFromByIndexAndFromScratch) {
  FakePlan plan;
  const BuildGraph graph = plan.graph("FROM base\nRUN a\nFROM scratch\nCOPY --from=0 x y\n");
  EXPECT_EQ(std::get<VertexInput>(copy_of(graph).from).vertex, VertexId{1});
  EXPECT_EQ(std::get<VertexInput>(copy_of(plan.graph("FROM base\nCOPY --from=scratch x y\n")).from).vertex,
            std::nullopt);
}

TEST(Stages, ScratchHasNoFilesAndADefaultPath) {
  FakePlan plan;
  const BuildGraph graph = plan.graph("FROM scratch\nCMD [\"x\"]\n");
  EXPECT_EQ(graph.target.root, std::nullopt);
  EXPECT_THAT(graph.target.config.config.env,
              ElementsAre("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
  EXPECT_EQ(graph.target.config.config.working_dir, "/");
  EXPECT_EQ(graph.target.config.platform.str(), "linux/amd64");
}

TEST(Stages, GlobalArgsChooseTheBase) {
  FakePlan plan;
  plan.resolver.images["img:2"] = {};
  plan.graph("ARG N=img\nARG V=1\nFROM ${N}:${V:+2}\n");
  EXPECT_THAT(plan.resolver.asked, ElementsAre("img:2 linux/amd64"));
  plan.request.build_args["N"] = "base";
  plan.graph("ARG N=img\nFROM $N\n");
  EXPECT_EQ(plan.resolver.asked.back(), "base linux/amd64");
}

// As BuildKit's dockerfile2llb: a variant that wasn't asked for stays the base image's.
TEST(Stages, TheImageIsOfThePlatformThatWasAskedFor) {
  FakePlan plan;
  plan.resolver.images["base"].platform = {.os = "linux", .architecture = "amd64", .variant = "v3"};
  const std::string text = "FROM --platform=linux/amd64/v3 base\n";
  plan.request.platform = {.os = "linux", .architecture = "arm64", .variant = ""};
  EXPECT_EQ(plan.graph(text).target.config.platform.str(), "linux/amd64/v3");
  plan.request.platform_given = true;
  EXPECT_EQ(plan.graph(text).target.config.platform.str(), "linux/arm64");
  plan.request.platform = {.os = "linux", .architecture = "amd64", .variant = ""};
  EXPECT_EQ(plan.graph(text).target.config.platform.str(), "linux/amd64/v3");
  plan.request.platform.variant = "v2";
  EXPECT_EQ(plan.graph(text).target.config.platform.str(), "linux/amd64/v2");
}

// util/system/path.go and defaultshell.go of BuildKit.
TEST(Stages, AWindowsImageHasItsShellItsDirectoriesAndNoPath) {
  FakePlan plan;
  plan.request.platform = {.os = "windows", .architecture = "amd64", .variant = ""};
  const auto config = [&plan](const std::string& text) { return plan.graph(text).target.config.config; };
  EXPECT_EQ(config("FROM scratch\n").working_dir, "\\");
  EXPECT_THAT(config("FROM scratch\n").env, IsEmpty());
  EXPECT_EQ(config("FROM scratch\nWORKDIR C:\\\\a\nWORKDIR b/c\n").working_dir, "\\a\\b\\c");
  EXPECT_THAT(config("FROM scratch\nCMD echo a\n").cmd, Optional(ElementsAre("cmd", "/S", "/C", "echo a")));
  plan.resolver.images["base"] = {};
  plan.resolver.images["base"].platform = plan.request.platform;
  plan.resolver.images["base"].config.working_dir = "C:\\one";
  EXPECT_EQ(config("FROM base\nWORKDIR two\n").working_dir, "\\one\\two");
  EXPECT_THAT(plan.error("FROM scratch\nWORKDIR D:/a\n").message(), HasSubstr("2:9"));
  EXPECT_THAT(plan.error("FROM scratch\nWORKDIR c:\n").message(), HasSubstr("nothing behind the drive"));
  EXPECT_THAT(plan.error("FROM scratch\nCOPY a //host/b\n").message(), HasSubstr("UNC"));
}

TEST(Stages, PlatformFlagAndArguments) {
  FakePlan plan;
  plan.request.platform = {.os = "linux", .architecture = "arm64", .variant = ""};
  plan.graph("FROM --platform=$BUILDPLATFORM base AS a\nFROM base\nCOPY --from=a x y\n");
  EXPECT_THAT(plan.resolver.asked, ElementsAre("base linux/arm64", "base linux/amd64"));
}

TEST(Stages, LocalContextsStandForImagesAndStages) {
  FakePlan plan;
  plan.request.named_contexts = {"ctx", "built"};
  const BuildGraph graph =
      plan.graph("FROM missing AS built\nRUN a\nFROM base\nCOPY --from=ctx x y\nCOPY --from=built z w\n");
  EXPECT_THAT(plan.resolver.asked, ElementsAre("base linux/amd64"));
  EXPECT_EQ(std::get<LocalInput>(std::get<CopyAction>(std::get<FileOp>(graph.vertices[2].op).action).from)
                .context,
            "ctx");
  // The stage is the directory now: its RUN is gone.
  const auto& replaced = std::get<CopyAction>(std::get<FileOp>(graph.vertices[0].op).action);
  EXPECT_EQ(std::get<LocalInput>(replaced.from).context, "built");
  EXPECT_EQ(graph.vertices[0].name, "[context built] load from client");
  EXPECT_EQ(graph.vertices.size(), 4U);
}

TEST(Stages, ImageContextsStandForStages) {
  FakePlan plan;
  plan.request.image_contexts = {"built"};
  plan.resolver.images["built"] = {};
  EXPECT_THAT(names(plan.graph("FROM missing AS built\nRUN a\nFROM built\nRUN b\n")),
              ElementsAre("[built 1/2] FROM built", "[stage-1 1/1] RUN b"));
}

TEST(Stages, NoCacheForAllOrForSome) {
  FakePlan plan;
  const std::string text = "FROM base AS a\nRUN x\nFROM a\nRUN y\n";
  plan.request.no_cache_filter = {"A"};
  BuildGraph graph = plan.graph(text);
  EXPECT_TRUE(graph.vertices[1].no_cache);
  EXPECT_FALSE(graph.vertices[2].no_cache);
  plan.request = FakePlan().request;
  plan.request.no_cache = true;
  graph = plan.graph(text);
  EXPECT_FALSE(graph.vertices[0].no_cache) << "an image isn't made anew";
  EXPECT_TRUE(graph.vertices[2].no_cache);
}

TEST(StageErrors, UnknownTargetSuggestsAName) {
  FakePlan plan;
  plan.request.target = "biuld";
  const Error error = plan.error("FROM base AS build\nFROM base AS test\n");
  EXPECT_EQ(error.kind, ErrorKind::kUsage);
  EXPECT_THAT(error.what, HasSubstr("\"biuld\" could not be found"));
  EXPECT_EQ(error.next, "did you mean build?");
}

TEST(StageErrors, UnknownBaseHasThePlaceOfItsFromAndASuggestion) {
  FakePlan plan;
  const Error error = plan.error("FROM base AS build\nFROM biuld\n");
  EXPECT_EQ(error.kind, ErrorKind::kNotFound);
  EXPECT_EQ(error.where, "Dockerfile:2:6");
  EXPECT_THAT(error.next, HasSubstr("stage build"));
}

TEST(StageErrors, LaterStagesCantBeCopiedFrom) {
  FakePlan plan;
  const Error error = plan.error("FROM base AS a\nCOPY --from=b x y\nFROM base AS b\nFROM a\n");
  EXPECT_EQ(error.where, "Dockerfile:2:13");
  EXPECT_THAT(error.what, HasSubstr("needs to be defined before the current stage \"a\""));
}

TEST(StageErrors, Circles) {
  FakePlan plan;
  EXPECT_THAT(
      plan.error("FROM base AS a\nCOPY --from=b x y\nFROM base AS b\nRUN --mount=from=a,target=/a z\n")
          .what,
      HasSubstr("circular dependency detected on stage"));
  EXPECT_THAT(plan.error("FROM base AS a\nCOPY --from=a x y\n").what, HasSubstr("circular dependency"));
}

TEST(StageErrors, BadFromFlags) {
  FakePlan plan;
  EXPECT_THAT(plan.error("FROM base\nCOPY --from=7 x y\n").what, HasSubstr("invalid stage index 7"));
  EXPECT_THAT(plan.error("FROM base\nCOPY --from=$x x y\n").what,
              HasSubstr("variable expansion is not supported"));
  EXPECT_THAT(plan.error("ARG x\nFROM $x\n").what, HasSubstr("should not be blank"));
  EXPECT_THAT(plan.error("FROM --platform=$x base\n").what, HasSubstr("empty platform"));
}

TEST(OnBuild, AStagesTriggersRunInTheStageFromItOnly) {
  FakePlan plan;
  const BuildGraph graph =
      plan.graph("FROM base AS a\nONBUILD RUN t\nONBUILD ENV o=1\nFROM a AS b\nRUN u\nFROM b\nRUN v\n");
  EXPECT_THAT(names(graph), ElementsAre("[a 1/1] FROM base", "[b 1/2] ONBUILD RUN t", "[b 2/2] RUN u",
                                        "[stage-2 1/1] RUN v"));
  EXPECT_EQ(graph.vertices[1].location.line, 4);
  EXPECT_THAT(graph.target.config.config.env, testing::Contains("o=1"));
  EXPECT_THAT(graph.target.config.config.on_build, IsEmpty());
}

TEST(OnBuild, IsStoredWithoutHistory) {
  FakePlan plan;
  const BuildGraph graph = plan.graph("FROM base\nONBUILD RUN t\n");
  EXPECT_THAT(graph.target.config.config.on_build, ElementsAre("RUN t"));
  EXPECT_THAT(history(graph), IsEmpty());
  EXPECT_EQ(graph.target.config_steps.size(), 1U);
}

TEST(OnBuild, AnImagesTriggersMayNeedAStage) {
  FakePlan plan;
  plan.resolver.images["base"].config.on_build = {"COPY --from=tools /t /t"};
  plan.resolver.images["other"] = {};
  const BuildGraph graph = plan.graph("FROM other AS tools\nRUN make\nFROM base\n");
  EXPECT_THAT(names(graph),
              ElementsAre("[tools 1/2] FROM other", "[tools 2/2] RUN make", "[stage-1 1/2] FROM base",
                          "[stage-1 2/2] ONBUILD COPY --from=tools /t /t"));
  EXPECT_THAT(graph.target.config.config.on_build, IsEmpty());
}

TEST(OnBuild, ABadTriggerIsReportedAtTheFrom) {
  FakePlan plan;
  plan.resolver.images["base"].config.on_build = {"RUNN t"};
  const Error error = plan.error("\nFROM base\n");
  EXPECT_EQ(error.where, "Dockerfile:2:1");
  EXPECT_THAT(error.what, HasSubstr("ONBUILD RUNN t: unknown instruction"));
  EXPECT_EQ(error.next, "did you mean RUN?");
}

}  // namespace
}  // namespace pgstrata::graph
