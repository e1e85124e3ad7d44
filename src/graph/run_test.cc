// RUN: command line, environment, heredocs, mounts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/fake_plan.h"

namespace pgstrata::graph {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const ExecOp kNoStep;

ExecOp run(FakePlan& plan, const std::string& lines) {
  const BuildGraph graph = plan.graph("FROM base\n" + lines);
  return graph.vertices.empty() ? kNoStep : only<ExecOp>(graph);
}
ExecOp run(const std::string& lines) {
  FakePlan plan;
  return run(plan, lines);
}

TEST(Run, ShellAndExecForm) {
  EXPECT_THAT(run("RUN a  b\n").argv, ElementsAre("/bin/sh", "-c", "a  b"));
  EXPECT_THAT(run("RUN [\"a\", \"$b\"]\n").argv, ElementsAre("a", "$b"));
  EXPECT_THAT(run("SHELL [\"/bin/bash\", \"-ec\"]\nRUN a\n").argv, ElementsAre("/bin/bash", "-ec", "a"));
  EXPECT_THAT(run("RUN\n").argv, ElementsAre("/bin/sh", "-c", ""));
  EXPECT_THAT(FakePlan().error("FROM base\nRUN []\n").what, HasSubstr("no command"));
}

TEST(Run, DirectoryUserAndNetwork) {
  const ExecOp op = run("WORKDIR a\nWORKDIR ../b/./c/\nUSER ${LANG}x\nRUN --network=none y\n");
  EXPECT_EQ(op.cwd, "/b/c");
  EXPECT_EQ(op.user, "Cx");
  EXPECT_EQ(op.network, Network::kNone);
  EXPECT_EQ(op.hostname, "buildkitsandbox");
  FakePlan plan;
  plan.request.network = Network::kHost;
  plan.request.build_args["BUILDKIT_SANDBOX_HOSTNAME"] = "box";
  EXPECT_EQ(run(plan, "RUN a\n").network, Network::kHost);
  EXPECT_EQ(run(plan, "RUN --network=none a\n").network, Network::kNone);
  EXPECT_EQ(run(plan, "RUN a\n").hostname, "box");
}

// "The value of def becomes hello, ghi becomes bye": reference, Environment replacement.
TEST(RunEnvironment, AllValuesOfALineSeeTheEnvironmentBeforeIt) {
  EXPECT_THAT(run("ENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc\nRUN x\n").env,
              ElementsAre("PATH=/bin", "LANG=C", "abc=bye", "def=hello", "ghi=bye"));
}

TEST(RunEnvironment, QuotesAreTakenOutAndLegacyValuesGoToTheEnd) {
  EXPECT_THAT(run("ENV a=\"x y\" b=x\\ y c='$a'\nENV d e=f \"g\"\nRUN x\n").env,
              testing::IsSupersetOf({"a=x y", "b=x y", "c=$a", "d=e=f g"}));
}

TEST(RunEnvironment, ArgsOfTheStageAreSeenAndNamedInTheHistory) {
  FakePlan plan;
  plan.request.build_args = {{"b", "given"}, {"undeclared", "x"}};
  const BuildGraph graph =
      plan.graph("ARG g=global\nFROM base\nARG a=1 b=2\nARG c=$a-$b\nARG d\nARG g\nRUN x\n");
  EXPECT_THAT(only<ExecOp>(graph).env,
              ElementsAre("PATH=/bin", "LANG=C", "a=1", "b=given", "c=1-given", "g=global"));
  EXPECT_THAT(history(graph),
              ElementsAre("ARG a=1 b=given", "ARG c=1-given", "ARG d", "ARG g=global",
                          "RUN |5 a=1 b=given c=1-given d= g=global /bin/sh -c x # buildkit"));
  EXPECT_THAT(graph.target.config.config.env, ElementsAre("PATH=/bin", "LANG=C"));
}

TEST(RunEnvironment, AGlobalArgIsUnknownToAStageThatDoesNotDeclareIt) {
  EXPECT_THAT(run("ENV x=${g:-none}\nRUN y\n").env, Contains("x=none"));
  FakePlan plan;
  EXPECT_THAT(only<ExecOp>(plan.graph("ARG g=1\nFROM base\nENV x=${g:-none}\nRUN y\n")).env,
              Contains("x=none"));
}

TEST(RunEnvironment, EnvAfterArgWins) {
  FakePlan plan;
  const BuildGraph graph = plan.graph("FROM base\nARG v=1\nENV v=2\nRUN x\n");
  EXPECT_THAT(only<ExecOp>(graph).env, Contains("v=2"));
  EXPECT_EQ(history(graph).back(), "RUN |1 v=2 /bin/sh -c x # buildkit");
}

TEST(RunEnvironment, PlatformArguments) {
  FakePlan plan;
  plan.request.platform = {.os = "linux", .architecture = "arm", .variant = "v7"};
  plan.request.target = "t";
  EXPECT_THAT(
      only<ExecOp>(
          plan.graph(
              "FROM base AS t\nARG TARGETARCH TARGETVARIANT TARGETPLATFORM BUILDARCH TARGETSTAGE\nRUN x\n"))
          .env,
      testing::IsSupersetOf({"TARGETARCH=arm", "TARGETVARIANT=v7", "TARGETPLATFORM=linux/arm/v7",
                             "BUILDARCH=amd64", "TARGETSTAGE=t"}));
}

TEST(RunEnvironment, ProxiesReachTheStepButNeitherItsKeyNorTheHistory) {
  FakePlan plan;
  plan.request.build_args = {{"http_proxy", "p:1"}};
  BuildGraph graph = plan.graph("FROM base\nRUN x\n");
  EXPECT_THAT(only<ExecOp>(graph).proxy_env, ElementsAre("HTTP_PROXY=p:1", "http_proxy=p:1"));
  EXPECT_THAT(only<ExecOp>(graph).env, Not(Contains(HasSubstr("proxy"))));
  EXPECT_EQ(history(graph).back(), "RUN /bin/sh -c x # buildkit");
  graph = plan.graph("FROM base\nARG http_proxy\nRUN x\n");
  EXPECT_THAT(only<ExecOp>(graph).env, Contains("http_proxy=p:1"));
  EXPECT_THAT(only<ExecOp>(graph).proxy_env, ElementsAre("HTTP_PROXY=p:1", "http_proxy=p:1"))
      << "over what ENV and ARG say, as in BuildKit";
  EXPECT_EQ(history(graph).back(), "RUN |1 http_proxy=p:1 /bin/sh -c x # buildkit");
}

TEST(RunEnvironment, ABaseWithoutPathGetsTheDefault) {
  FakePlan plan;
  plan.resolver.images["base"].config.env = {"LANG=C"};
  EXPECT_THAT(run(plan, "RUN x\n").env,
              ElementsAre("LANG=C", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
}

TEST(RunHeredoc, AloneIsTheShellsScript) {
  FakePlan plan;
  const BuildGraph graph = plan.graph("FROM base\nRUN <<-EOF\n\techo $a\n\techo b\nEOF\n");
  EXPECT_THAT(only<ExecOp>(graph).argv, ElementsAre("/bin/sh", "-c", "echo $a\necho b\n"));
  EXPECT_THAT(only<ExecOp>(graph).scripts, IsEmpty());
  EXPECT_EQ(names(graph).back(), "[2/2] RUN <<-EOF (echo $a...)");
  EXPECT_EQ(graph.vertices.back().location.last_line, 5);
}

TEST(RunHeredoc, WithAShebangIsAFile) {
  const ExecOp op = run("RUN <<EOF\n#!/usr/bin/python3\nprint(1)\nEOF\n");
  EXPECT_THAT(op.argv, ElementsAre("/bin/sh", "-c", "/dev/pipes/EOF"));
  ASSERT_EQ(op.scripts.size(), 1U);
  EXPECT_EQ(op.scripts[0].path, "/dev/pipes/EOF");
  EXPECT_EQ(op.scripts[0].text, "#!/usr/bin/python3\nprint(1)\n");
}

TEST(RunHeredoc, WithACommandIsLeftToTheShell) {
  EXPECT_THAT(run("RUN cat <<A <<-'B' > x\n1\nA\n\t2\n\tB\n").argv,
              ElementsAre("/bin/sh", "-c", "cat <<A <<-'B' > x\n1\nA\n\t2\nB"));
}

TEST(RunMounts, Bind) {
  FakePlan plan;
  const BuildGraph graph = plan.graph(
      "FROM base AS s\nRUN z\nFROM base\nARG t=/t\nRUN --mount=target=$t "
      "--mount=type=bind,from=s,src=a/../b,dst=c,rw x\n");
  const ExecOp& op = only<ExecOp>(graph);
  ASSERT_EQ(op.mounts.size(), 2U);
  const auto& context = std::get<BindMount>(op.mounts[0]);
  EXPECT_EQ(std::get<LocalInput>(context.from).context, "");
  EXPECT_EQ(context.source, "/");
  EXPECT_EQ(context.target, "/t");
  EXPECT_FALSE(context.read_write);
  const auto& stage = std::get<BindMount>(op.mounts[1]);
  EXPECT_EQ(std::get<VertexInput>(stage.from).vertex, VertexId{1});
  EXPECT_EQ(stage.source, "/b");
  EXPECT_EQ(stage.target, "/c");
  EXPECT_TRUE(stage.read_write);
}

TEST(RunMounts, Cache) {
  FakePlan plan;
  plan.request.build_args["BUILDKIT_CACHE_MOUNT_NS"] = "ns";
  const ExecOp op = run(plan,
                        "WORKDIR /w\nRUN --mount=type=cache,target=/c/ "
                        "--mount=type=cache,id=i,dst=d,sharing=locked,mode=700,uid=1,gid=2,ro x\n");
  ASSERT_EQ(op.mounts.size(), 2U);
  const auto& plain = std::get<CacheMount>(op.mounts[0]);
  EXPECT_EQ(plain.id, "ns//c");
  EXPECT_EQ(plain.target, "/c");
  EXPECT_EQ(plain.from, std::nullopt);
  EXPECT_EQ(plain.sharing, Sharing::kShared);
  EXPECT_EQ(plain.mode, 0755U);
  EXPECT_FALSE(plain.read_only);
  const auto& full = std::get<CacheMount>(op.mounts[1]);
  EXPECT_EQ(full.id, "ns/i");
  EXPECT_EQ(full.target, "/w/d");
  EXPECT_EQ(full.sharing, Sharing::kLocked);
  EXPECT_EQ(full.mode, 0700U);
  EXPECT_EQ(full.uid, 1U);
  EXPECT_EQ(full.gid, 2U);
  EXPECT_TRUE(full.read_only);
  EXPECT_FALSE(plain.owned);
  EXPECT_TRUE(full.owned);
}

TEST(RunMounts, ACacheBelowASourceTakesTheOwnerThatIsThere) {
  const ExecOp op = run("RUN --mount=type=cache,target=/c,from=base,source=/s,uid=1 x\n");
  EXPECT_FALSE(std::get<CacheMount>(op.mounts[0]).owned);
  EXPECT_EQ(std::get<CacheMount>(op.mounts[0]).uid, 0U);
}

TEST(RunMounts, TmpfsSecretSsh) {
  const ExecOp op =
      run("RUN --mount=type=tmpfs,target=/t,size=64m --mount=type=secret,id=s "
          "--mount=type=secret,target=/a/b,required "
          "--mount=type=secret,id=e,env=E --mount=type=ssh --mount=type=ssh,id=k,mode=0666 x\n");
  ASSERT_EQ(op.mounts.size(), 6U);
  EXPECT_EQ(std::get<TmpfsMount>(op.mounts[0]).size, 64U << 20U);
  EXPECT_EQ(std::get<SecretMount>(op.mounts[1]).target, "/run/secrets/s");
  EXPECT_EQ(std::get<SecretMount>(op.mounts[1]).mode, 0400U);
  EXPECT_EQ(std::get<SecretMount>(op.mounts[2]).id, "b");
  EXPECT_TRUE(std::get<SecretMount>(op.mounts[2]).required);
  EXPECT_EQ(std::get<SecretMount>(op.mounts[3]).target, std::nullopt);
  EXPECT_EQ(std::get<SecretMount>(op.mounts[3]).env, "E");
  EXPECT_EQ(std::get<SshMount>(op.mounts[4]).id, "default");
  EXPECT_EQ(std::get<SshMount>(op.mounts[4]).target, "/run/buildkit/ssh_agent.0");
  EXPECT_EQ(std::get<SshMount>(op.mounts[5]).target, "/run/buildkit/ssh_agent.1");
  EXPECT_EQ(std::get<SshMount>(op.mounts[5]).mode, 0666U);
}

struct BadMount {
  const char* mount;
  const char* what;
};
class RefusedMount : public testing::TestWithParam<BadMount> {};
TEST_P(RefusedMount, WithReason) {
  const Error error = FakePlan().error(std::string("FROM base\nRUN --mount=") + GetParam().mount + " x\n");
  // At the field, or where it isn't a single one, at the flag.
  EXPECT_THAT(error.where, testing::MatchesRegex("Dockerfile:2:(5|[1-9][0-9])"));
  EXPECT_THAT(error.what + " " + error.next, HasSubstr(GetParam().what));
}
INSTANTIATE_TEST_SUITE_P(
    All, RefusedMount,
    testing::Values(BadMount{"type=bnd,target=/x", "did you mean bind?"},
                    BadMount{"tagret=/x", "did you mean target?"},
                    BadMount{"type=cache,target=/x,sharing=shred", "did you mean shared?"},
                    BadMount{"type=bind,target=/x,size=1", "unexpected key 'size'"},
                    BadMount{"type=bind,target=/x,required", "unexpected key 'required'"},
                    BadMount{"type=bind,target=/x,mode=1", "mode not allowed"},
                    BadMount{"type=tmpfs,target=/x,uid=1", "uid not allowed"},
                    BadMount{"type=cache,target=/x,mode=9", "invalid value for mode"},
                    BadMount{"type=tmpfs,target=/x,size=1z", "invalid value for size"},
                    BadMount{"type=secret,id=a,source=b", "can't both be set"},
                    BadMount{"type=secret", "one of id, source and target"},
                    BadMount{"type=secret,id=a,from=b", "should not have a from"},
                    BadMount{"type=secret,id=a,sharing=shared", "only allowed for cache"},
                    BadMount{"type=ssh,source=a", "should not have a source"},
                    BadMount{"target=/x,ro=maybe", "invalid value for ro"},
                    BadMount{"target", "must be a key=value pair"},
                    BadMount{"type=bind", "invalid mount target"},
                    BadMount{"target=/a/..", "invalid mount target"}));

TEST(RunSecurity, InsecureHasToBeAllowed) {
  FakePlan plan;
  EXPECT_FALSE(run(plan, "RUN --security=sandbox x\n").insecure);
  EXPECT_THAT(plan.error("FROM base\nRUN --security=insecure x\n").what, HasSubstr("is not allowed"));
  plan.request.entitlements = {"security.insecure"};
  EXPECT_TRUE(run(plan, "RUN --security=insecure x\n").insecure);
}

TEST(RunDevices, AreKeptAsWritten) {
  FakePlan plan;
  const ExecOp op = run(plan, "RUN --device=v.com/c=d,required --device=name=v.com/c x\n");
  ASSERT_EQ(op.devices.size(), 2U);
  EXPECT_EQ(op.devices[0].name, "v.com/c=d");
  EXPECT_TRUE(op.devices[0].required);
  EXPECT_EQ(op.devices[1].name, "v.com/c");
  EXPECT_FALSE(op.devices[1].required);
}

TEST(RunNetwork, OfTheMachineHasToBeAllowed) {
  FakePlan plan;
  EXPECT_THAT(plan.error("FROM base\nRUN --network=host x\n").what, HasSubstr("is not allowed"));
  plan.request.entitlements = {"network.host"};
  EXPECT_EQ(run(plan, "RUN --network=host x\n").network, Network::kHost);
}

TEST(RunMounts, SourcesThatTheTypeHasNoUseFor) {
  FakePlan plan;
  EXPECT_EQ(plan.graph("FROM base\nRUN --mount=type=tmpfs,from=other,target=/t x\n").vertices.size(), 3U)
      << "it has to exist all the same";
  const ExecOp op = run(plan, "RUN --mount=type=cache,source=d,target=/c x\n");
  const auto& from = std::get<CacheMount>(op.mounts[0]).from;
  EXPECT_TRUE(from && std::holds_alternative<VertexInput>(*from)) << "nothing, not the context";
}

TEST(RunNames, ExpandWhatIsKnownAndMaskSecrets) {
  FakePlan plan;
  EXPECT_EQ(names(plan.graph("FROM base\nARG v=1\nrun echo \"$v\" $other '$v'\n")).back(),
            "[2/2] RUN echo \"1\" $other '$v'");
  EXPECT_THAT(names(plan.graph("FROM base\nARG T=x\nRUN --mount=type=secret,id=t,env=T echo $T\n")).back(),
              HasSubstr("echo ****"));
}

}  // namespace
}  // namespace pgstrata::graph
