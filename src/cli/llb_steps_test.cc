// The shape is that of the attestation that BuildKit of Docker 28.5 makes of such steps, and of LLB's JSON
// (BuildKit's solver/pb/json.go, solver/pb/ops.proto).
#include "cli/llb_steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "graph/fake_plan.h"

namespace pgstrata::cli {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;

LlbSteps steps_of(const std::string& dockerfile) {
  graph::FakePlan plan;
  const graph::BuildGraph graph = plan.graph(dockerfile);
  const std::vector<solver::VertexResult> results(graph.vertices.size());
  return llb_steps(graph, results, {{"base", "docker.io/library/base:latest@sha256:ab"}});
}

Json op(const attest::BuildStep& step) { return Json::parse(step.op); }

TEST(LlbSteps, ABaseIsNamedAsItWasResolved) {
  const LlbSteps made = steps_of("FROM base\nRUN x\n");
  ASSERT_EQ(made.steps.size(), 2U);
  EXPECT_EQ(op(made.steps[0]),
            Json::parse(
                R"({"source": {"identifier": "docker-image://docker.io/library/base:latest@sha256:ab"}})"));
  EXPECT_EQ(made.steps[0].platform, "linux/amd64");
  EXPECT_THAT(made.steps[1].inputs, ElementsAre(0));
  EXPECT_EQ(made.steps[1].first_line, 2);
  EXPECT_EQ(made.result, 1U);
}

TEST(LlbSteps, ACopyReadsTheContextAsASecondInput) {
  const LlbSteps made = steps_of("FROM base\nCOPY a b /d/\nCOPY --chown=7:app c /\n");
  ASSERT_EQ(made.steps.size(), 4U);
  EXPECT_EQ(op(made.steps[1]), Json::parse(R"({"source": {"identifier": "local://context"}})"));
  EXPECT_THAT(made.steps[2].inputs, ElementsAre(0, 1));
  const Json actions = op(made.steps[2]).at("file").at("actions");
  ASSERT_EQ(actions.size(), 2U);
  // The second goes on where the first left off: results are numbered behind the two inputs.
  EXPECT_EQ(actions[0].at("input"), 0);
  EXPECT_EQ(actions[0].at("output"), -1);
  EXPECT_EQ(actions[1].at("input"), 2);
  EXPECT_EQ(actions[1].at("output"), 0);
  EXPECT_EQ(actions[1].at("secondaryInput"), 1);
  EXPECT_EQ(actions[0].at("Action").at("copy").at("src"), "/a");
  EXPECT_EQ(actions[0].at("Action").at("copy").at("dest"), "/d/");
  EXPECT_EQ(
      op(made.steps[3]).at("file").at("actions").at(0).at("Action").at("copy").at("owner"),
      Json::parse(
          R"({"user": {"User": {"byId": 7}}, "group": {"User": {"byName": {"name": "app", "input": 0}}}})"));
}

TEST(LlbSteps, SecretsHaveIdsAndProxiesAreNotThere) {
  graph::FakePlan plan;
  plan.request.build_args = {{"HTTP_PROXY", "http://u:p@proxy"}};
  const graph::BuildGraph graph = plan.graph(
      "FROM base\nRUN --network=none --mount=type=secret,id=pw,target=/pw "
      "--mount=type=secret,id=t,env=T,required x\n");
  const std::vector<solver::VertexResult> results(graph.vertices.size());
  const LlbSteps made = llb_steps(graph, results, {});
  const Json exec = op(made.steps[1]).at("exec");
  EXPECT_EQ(made.steps[1].op.find("proxy"), std::string::npos);
  EXPECT_EQ(exec.at("meta").at("args"), Json::parse(R"(["/bin/sh", "-c", "x"])"));
  EXPECT_EQ(exec.at("network"), 2);
  EXPECT_EQ(exec.at("secretenv"), Json::parse(R"([{"ID": "t", "name": "T"}])"));
  EXPECT_EQ(exec.at("mounts").at(0), Json::parse(R"({"dest": "/"})"));
  EXPECT_EQ(made.steps[1].platform, "linux/amd64");
  EXPECT_EQ(exec.at("mounts").at(1).at("mountType"), 1);
  EXPECT_EQ(exec.at("mounts").at(1).at("secretOpt").at("ID"), "pw");
  EXPECT_EQ(exec.at("mounts").at(1).at("secretOpt").at("optional"), true);
}

TEST(LlbSteps, FilesFromElsewhereAreSourcesOfTheirOwn) {
  const LlbSteps made =
      steps_of("FROM scratch\nADD https://user:pw@x.example/f https://y.example/r.git#v1 /\n");
  ASSERT_EQ(made.steps.size(), 3U);
  EXPECT_EQ(op(made.steps[0]), Json::parse(R"({"source": {"identifier": "https://x.example/f"}})"));
  EXPECT_EQ(op(made.steps[1]), Json::parse(R"({"source": {"identifier": "git://y.example/r.git#v1"}})"));
  EXPECT_EQ(op(made.steps[2]).at("file").at("actions").at(0).at("input"), -1);
}

}  // namespace
}  // namespace pgstrata::cli
