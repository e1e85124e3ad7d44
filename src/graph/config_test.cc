// The instructions that change the configuration, and what they leave in the history.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/fake_plan.h"

namespace pgstrata::graph {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

using Words = std::vector<std::string>;

struct Configured {
  oci::ContainerConfig config;
  std::string author;
  std::string last;  // history
};
Configured configure(const std::string& lines) {
  FakePlan plan;
  const BuildGraph graph = plan.graph("FROM base\n" + lines);
  return {graph.target.config.config, graph.target.config.author,
          graph.target.history.empty() ? "" : graph.target.history.back().created_by};
}

TEST(Config, EnvKeepsThePlaceOfWhatItOverrides) {
  const Configured made = configure("ENV PATH=/x:$PATH b=1\n");
  EXPECT_THAT(made.config.env, ElementsAre("PATH=/x:/bin", "LANG=C", "b=1"));
  EXPECT_EQ(made.last, "ENV PATH=/x:/bin b=1");
}

TEST(Config, CmdInBothForms) {
  EXPECT_EQ(configure("CMD a \"b\"\n").config.cmd, (Words{"/bin/sh", "-c", "a \"b\""}));
  const Configured made = configure("CMD [\"a\", \"b c\"]\n");
  EXPECT_EQ(made.config.cmd, (Words{"a", "b c"}));
  EXPECT_EQ(made.last, "CMD [\"a\" \"b c\"]");
}

TEST(Config, EntrypointResetsTheBasesCmdButNotTheStages) {
  EXPECT_EQ(configure("").config.cmd, Words{"/base"});
  EXPECT_EQ(configure("ENTRYPOINT [\"e\"]\n").config.cmd, std::nullopt);
  EXPECT_EQ(configure("CMD [\"c\"]\nENTRYPOINT [\"e\"]\n").config.cmd, Words{"c"});
  EXPECT_EQ(configure("ENTRYPOINT [\"e\"]\nCMD [\"c\"]\n").config.cmd, Words{"c"});
  EXPECT_EQ(configure("ENTRYPOINT [\"e\"]\n").last, "ENTRYPOINT [\"e\"]");
}

TEST(Config, ACmdOfTheBaseStageIsABasesCmd) {
  FakePlan plan;
  const BuildGraph graph = plan.graph("FROM base AS a\nCMD [\"c\"]\nFROM a\nENTRYPOINT [\"e\"]\n");
  EXPECT_EQ(graph.target.config.config.cmd, std::nullopt);
}

TEST(Config, EmptyListsClear) {
  EXPECT_EQ(configure("CMD []\n").config.cmd, std::nullopt);
  EXPECT_EQ(configure("ENTRYPOINT [\"e\"]\nENTRYPOINT []\n").config.entrypoint, std::nullopt);
}

TEST(Config, ExposeNormalisesAndExpands) {
  const Configured made = configure("ARG p=9000-9002\nEXPOSE 80 443/TCP $p/udp\n");
  EXPECT_THAT(made.config.exposed_ports,
              ElementsAre("443/tcp", "80/tcp", "9000/udp", "9001/udp", "9002/udp"));
  EXPECT_EQ(made.last, "EXPOSE [9000/udp 9001/udp 9002/udp 443/tcp 80/tcp]");
  EXPECT_THAT(configure("EXPOSE 127.0.0.1:80:8080\n").config.exposed_ports, ElementsAre("8080/tcp"));
  EXPECT_THAT(configure("EXPOSE +80 0--0 81-+82 0090\n").config.exposed_ports,
              ElementsAre("0/tcp", "80/tcp", "81/tcp", "82/tcp", "90/tcp"))
      << "numbers as Go's ParseInt reads them";
}

TEST(Config, BadPorts) {
  for (const char* bad : {"x", "70000", "5-4", "80/icmp", "1.2.3:80:80", "80-81:90-92", "/tcp", "-1", "-0",
                          "+", "++80", "80-", "8_0", "0x50"})
    EXPECT_THAT(FakePlan().error(std::string("FROM base\nEXPOSE ") + bad + "\n").what,
                HasSubstr("invalid port"))
        << bad;
}

TEST(Config, SbomArgumentsAreNoVariables) {
  FakePlan plan;
  const BuildGraph graph =
      plan.graph("FROM base\nARG BUILDKIT_SBOM_SCAN_STAGE=true\nARG BUILDKIT_SBOM_SCAN_CONTEXT=1\nRUN x\n");
  for (const std::string& variable : only<ExecOp>(graph).env)
    EXPECT_EQ(variable.find("SBOM"), std::string::npos);
}

TEST(Config, VolumesLabelsUser) {
  const Configured volumes = configure("ARG d=x\nVOLUME /$d /b\n");
  EXPECT_THAT(volumes.config.volumes, ElementsAre("/b", "/x"));
  EXPECT_EQ(volumes.last, "VOLUME [/x /b]");
  const Configured labels = configure("LABEL a=\"b c\" \"d e\"=f a.g='$h'\n");
  EXPECT_THAT(labels.config.labels, ElementsAre(Pair("a", "b c"), Pair("a.g", "$h"), Pair("d e", "f")));
  EXPECT_EQ(labels.last, "LABEL a=b c d e=f a.g=$h");
  EXPECT_EQ(configure("USER 1000:$LANG\n").config.user, "1000:C");
}

TEST(Config, LabelsOfTheCommandLineWin) {
  FakePlan plan;
  plan.request.labels = {{"a", "2"}};
  EXPECT_THAT(plan.graph("FROM base\nLABEL a=1 b=1\n").target.config.config.labels,
              ElementsAre(Pair("a", "2"), Pair("b", "1")));
}

TEST(Config, Healthcheck) {
  const Configured made =
      configure("HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 CMD curl -f x\n");
  ASSERT_TRUE(made.config.healthcheck.has_value());
  EXPECT_THAT(made.config.healthcheck->test, ElementsAre("CMD-SHELL", "curl -f x"));
  EXPECT_EQ(made.config.healthcheck->interval, 90'000'000'000);
  EXPECT_EQ(made.config.healthcheck->timeout, 500'000'000);
  EXPECT_EQ(made.config.healthcheck->retries, 3);
  EXPECT_EQ(made.last,
            "HEALTHCHECK {Test:[CMD-SHELL curl -f x] Interval:1m30s Timeout:500ms StartPeriod:0s "
            "StartInterval:0s Retries:3}");
  EXPECT_THAT(configure("HEALTHCHECK NONE\n").config.healthcheck->test, ElementsAre("NONE"));
}

TEST(Config, StopSignal) {
  for (const char* good : {"SIGTERM", "term", "9", "RTMIN+3", "SIGRTMAX-14", "-1", "+9"})
    EXPECT_EQ(configure(std::string("STOPSIGNAL ") + good + "\n").config.stop_signal, good);
  for (const char* bad : {"0", "SIGFOO", "RTMIN+16", "-0"})
    EXPECT_THAT(FakePlan().error(std::string("FROM base\nSTOPSIGNAL ") + bad + "\n").what,
                HasSubstr("invalid signal"))
        << bad;
}

TEST(Config, ShellAndMaintainer) {
  const Configured made = configure("SHELL [\"/bin/bash\", \"-c\"]\nCMD x\n");
  EXPECT_THAT(made.config.shell, ElementsAre("/bin/bash", "-c"));
  EXPECT_EQ(made.config.cmd, (Words{"/bin/bash", "-c", "x"}));
  EXPECT_EQ(configure("SHELL [\"/bin/bash\", \"-c\"]\n").last, "SHELL [/bin/bash -c]");
  EXPECT_EQ(configure("MAINTAINER A <b>\n").author, "A <b>");
}

TEST(Config, OwnHistoryFollowsTheBases) {
  FakePlan plan;
  const BuildGraph graph = plan.graph("FROM base\nENV a=1\nRUN x\n");
  ASSERT_EQ(graph.target.config.history.size(), 1U);
  EXPECT_EQ(graph.target.config.history[0].created_by, "base layer");
  ASSERT_EQ(graph.target.history.size(), 2U);
  EXPECT_EQ(graph.target.history[0].vertex, std::nullopt);
  EXPECT_EQ(graph.target.history[1].vertex, graph.target.root);
  ASSERT_EQ(graph.target.config_steps.size(), 1U);
  EXPECT_EQ(graph.target.config_steps[0].stage, graph.target.name);
  EXPECT_EQ(graph.target.config_steps[0].instruction, "ENV a=1");
  EXPECT_EQ(graph.target.config_steps[0].location.line, 2);
}

TEST(Config, ErrorsOfExpansionHaveTheInstructionsPlace) {
  const Error error = FakePlan().error("FROM base\nENV a=1\nLABEL b=\"${c:?no c}\"\n");
  EXPECT_EQ(error.where, "Dockerfile:3:9");
  EXPECT_EQ(error.what, "c: no c");
  EXPECT_EQ(error.detail, "3 | LABEL b=\"${c:?no c}\"\n  |         ^");
}

}  // namespace
}  // namespace pgstrata::graph
