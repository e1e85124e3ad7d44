// Several platforms as one graph.
#include "graph/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/fake_plan.h"

namespace pgstrata::graph {
namespace {

using testing::ElementsAre;

/// The text planned for linux/amd64, which is the machine's, and linux/arm64.
MergedGraph merged(const std::string& text) {
  FakePlan plan;
  plan.request.name_platforms = true;
  std::vector<BuildGraph> graphs = {plan.graph(text)};
  plan.request.platform.architecture = "arm64";
  plan.resolver.images["base"].platform = plan.request.platform;
  graphs.push_back(plan.graph(text));
  return merge(graphs);
}

TEST(Merge, EachPlatformHasItsOwnStepsAndTheirNamesSayWhich) {
  const MergedGraph both = merged("FROM base\nRUN make\n");
  EXPECT_THAT(names(both.graph), ElementsAre("[linux/amd64 1/2] FROM base", "[linux/amd64 2/2] RUN make",
                                             "[linux/arm64 1/2] FROM base", "[linux/arm64 2/2] RUN make"));
  EXPECT_THAT(both.roots, ElementsAre(1U, 3U));
  EXPECT_EQ(both.graph.vertices[3].parent, 2U);
  EXPECT_EQ(both.graph.vertices[3].platform.architecture, "arm64");
}

TEST(Merge, AStageOfTheBuildPlatformIsThereOnce) {
  const MergedGraph both = merged(
      "FROM --platform=$BUILDPLATFORM scratch AS empty\nFROM empty AS tool\nCOPY . /x\n"
      "FROM base\nCOPY --from=tool /x /y\n");
  EXPECT_THAT(both.places[0], ElementsAre(0U, 1U, 2U));
  EXPECT_THAT(both.places[1], ElementsAre(0U, 3U, 4U));
  EXPECT_EQ(inputs(both.graph.vertices[4].op), std::vector<VertexId>{0U});
}

TEST(Merge, AVariableOfTheTargetMakesItTwo) {
  FakePlan plan;
  plan.request.name_platforms = true;
  const std::string text =
      "FROM --platform=$BUILDPLATFORM base AS build\nARG TARGETARCH\nRUN make $TARGETARCH\n"
      "FROM scratch\nCOPY --from=build /x /\n";
  std::vector<BuildGraph> graphs = {plan.graph(text)};
  plan.request.platform.architecture = "arm64";
  graphs.push_back(plan.graph(text));
  const MergedGraph both = merge(graphs);
  EXPECT_THAT(names(both.graph),
              ElementsAre("[linux/amd64 build 1/2] FROM base", "[linux/amd64 build 2/2] RUN make amd64",
                          "[linux/amd64 stage-1 1/1] COPY --from=build /x /",
                          "[linux/amd64->arm64 build 2/2] RUN make arm64",
                          "[linux/arm64 stage-1 1/1] COPY --from=build /x /"));
}

TEST(Merge, OneStaysAsItIs) {
  FakePlan plan;
  const MergedGraph one = merge({plan.graph("FROM base\nRUN make\nRUN make install\n")});
  EXPECT_THAT(one.places, ElementsAre(ElementsAre(0U, 1U, 2U)));
  EXPECT_THAT(one.roots, ElementsAre(2U));
  EXPECT_THAT(names(one.graph), ElementsAre("[1/3] FROM base", "[2/3] RUN make", "[3/3] RUN make install"));
}

TEST(Merge, ARunIsThePlatformsOwnEvenOnTheSameFiles) {
  const MergedGraph both = merged("FROM scratch\nCOPY . /\nRUN [\"/tool\"]\n");
  EXPECT_THAT(both.places[1], ElementsAre(0U, 2U));
}

}  // namespace
}  // namespace pgstrata::graph
