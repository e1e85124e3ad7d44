// COPY, ADD and WORKDIR.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/definition.h"
#include "graph/fake_plan.h"

namespace pgstrata::graph {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Copy, AllFlags) {
  FakePlan plan;
  const BuildGraph graph = plan.graph(
      "FROM base\nWORKDIR /w\nARG d=out\nCOPY --chown=u:$d --chmod=0640 --exclude=*.o --link --parents a "
      "b$d $d/\n");
  const CopyAction& copy = copy_of(graph);
  EXPECT_THAT(copy.sources, ElementsAre("a", "bout"));
  EXPECT_EQ(copy.destination, "/w/out/");
  EXPECT_EQ(copy.chown, "u:out");
  EXPECT_EQ(copy.chmod, "0640");
  EXPECT_THAT(copy.exclude, ElementsAre("*.o"));
  EXPECT_TRUE(copy.link);
  EXPECT_TRUE(copy.parents);
  EXPECT_FALSE(copy.unpack);
  EXPECT_EQ(history(graph).back(), "COPY --parents --chown=u:out --chmod=0640 a bout out/ # buildkit");
  EXPECT_EQ(graph.target.history.back().vertex, graph.target.root);
  EXPECT_EQ(graph.target.history.back().comment, "buildkit.dockerfile.v0");
}

struct Place {
  const char* written;
  const char* absolute;
};
class Destination : public testing::TestWithParam<Place> {};
TEST_P(Destination, IsAbsoluteAndKeepsItsSlash) {
  FakePlan plan;
  EXPECT_EQ(copy_of(plan.graph("FROM base\nWORKDIR /w\nCOPY [\"a\", \"" + std::string(GetParam().written) +
                               "\"]\n"))
                .destination,
            GetParam().absolute);
}
INSTANTIATE_TEST_SUITE_P(All, Destination,
                         testing::Values(Place{"x", "/w/x"}, Place{"x/", "/w/x/"}, Place{".", "/w/"},
                                         Place{"./", "/w/"}, Place{"", "/w/"}, Place{"/", "/"},
                                         Place{"/x/../y", "/y"}, Place{"x/.", "/w/x/"},
                                         Place{"../../..", "/"}, Place{"/x//y/", "/x/y/"}));

TEST(Copy, HeredocsBecomeFiles) {
  FakePlan plan;
  const BuildGraph graph = plan.graph(
      "FROM base\nENV v=1\nCOPY <<a.txt <<'b' <<-c x /d/\n\"$v\" '$v' \\$v\na.txt\n$v\nb\n\t$v\n\tc\n");
  const CopyAction& copy = copy_of(graph);
  ASSERT_EQ(copy.inline_files.size(), 3U);
  EXPECT_EQ(copy.inline_files[0].name, "a.txt");
  EXPECT_EQ(copy.inline_files[0].text, "\"1\" '1' $v\n");
  EXPECT_EQ(copy.inline_files[1].text, "$v\n");
  EXPECT_EQ(copy.inline_files[2].text, "1\n");
  EXPECT_THAT(copy.sources, ElementsAre("x"));
  EXPECT_EQ(history(graph).back(), "COPY x <<a.txt <<b <<c /d/ # buildkit");
}

TEST(Copy, ModesAreChecked) {
  FakePlan plan;
  for (const char* good : {"0", "7777", "u=rwX,go=rX", "+x", "a-w,u+s", "g=u", "u=rw-x", "o="})
    EXPECT_EQ(copy_of(plan.graph(std::string("FROM base\nCOPY --chmod=") + good + " a b\n")).chmod, good);
  for (const char* bad : {"8", "77777", "rwx", "u=q", "u", "u=rw,"})
    EXPECT_THAT(plan.error(std::string("FROM base\nCOPY --chmod=") + bad + " a b\n").what,
                HasSubstr("invalid chmod"))
        << bad;
}

TEST(Copy, RefusesRemoteSources) {
  FakePlan plan;
  EXPECT_THAT(plan.error("FROM base\nCOPY https://e.org/a b\n").what, HasSubstr("source can't be a URL"));
  EXPECT_THAT(plan.error("FROM base\nCOPY git@e.org:a/b.git b\n").what,
              HasSubstr("source can't be a Git repository"));
}

TEST(Add, UnpacksUnlessToldOtherwise) {
  FakePlan plan;
  const BuildGraph graph = plan.graph("FROM base\nADD a.tar /x\n");
  EXPECT_TRUE(copy_of(graph).unpack);
  EXPECT_EQ(history(graph).back(), "ADD a.tar /x # buildkit");
  EXPECT_FALSE(copy_of(plan.graph("FROM base\nADD --unpack=false a.tar /x\n")).unpack);
}

TEST(Add, RemoteSourcesKeepTheirPlaceAmongTheOthers) {
  FakePlan plan;
  const BuildGraph graph =
      plan.graph("FROM base\nARG u=https://e.org\nADD --keep-git-dir a $u/f b $u/r.git#v1:d c /x/\n");
  const CopyAction& copy = copy_of(graph);
  EXPECT_THAT(copy.sources, ElementsAre("a", "b", "c"));
  ASSERT_EQ(copy.remotes.size(), 2U);
  EXPECT_EQ(copy.remotes[0].position, 1U);
  EXPECT_EQ(std::get<remote::HttpSource>(copy.remotes[0].source).filename, "f");
  EXPECT_FALSE(copy.remotes[0].unpack);
  EXPECT_EQ(copy.remotes[1].position, 2U);
  const auto& git = std::get<remote::GitSource>(copy.remotes[1].source);
  EXPECT_EQ(git.remote + " " + git.ref + " " + git.subdir, "https://e.org/r.git v1 d");
  EXPECT_EQ(git.keep_git_dir, true);
  EXPECT_EQ(history(graph).back(), "ADD a https://e.org/f b https://e.org/r.git#v1:d c /x/ # buildkit");
}

TEST(Add, RemoteArchivesAreUnpackedOnlyOnRequest) {
  FakePlan plan;
  const BuildGraph graph = plan.graph("FROM base\nADD --unpack=true http://e.org/a.tar /\n");
  EXPECT_TRUE(copy_of(graph).remotes.at(0).unpack);
}

TEST(Add, ChecksumsAreForOneRemoteSource) {
  FakePlan plan;
  const std::string sha256 = "sha256:" + std::string(64, 'a');
  const BuildGraph graph = plan.graph("FROM base\nADD --checksum=" + sha256 + " http://e.org/a /\n");
  const remote::Source& http = copy_of(graph).remotes.at(0).source;
  EXPECT_EQ(std::get<remote::HttpSource>(http).checksum, sha256);
  EXPECT_THAT(plan.error("FROM base\nADD --checksum=sha256:00 a b\n").what,
              HasSubstr("requires HTTP(S) or Git"));
  EXPECT_THAT(plan.error("FROM base\nADD --checksum=sha512:00 http://e.org/a b\n").what,
              HasSubstr("invalid checksum"));
  EXPECT_THAT(plan.error("FROM base\nADD --checksum=ab http://e.org/a http://e.org/b c/\n").what,
              HasSubstr("multiple sources"));
  EXPECT_THAT(plan.error("FROM base\nADD --checksum=ab https://e.org/a.git?commit=ac c/\n").what,
              HasSubstr("checksum mismatch"));
}

TEST(Add, AMirrorHasTheSameDefinition) {
  FakePlan plan;
  const auto digest = [&plan](const std::string& source) {
    const BuildGraph graph = plan.graph("FROM base\nADD " + source + " /d/\n");
    return definition_digest(graph.vertices.back().op);
  };
  EXPECT_EQ(digest("http://one.org/file"), digest("https://two.org/dir/file"));
  EXPECT_NE(digest("http://one.org/file"), digest("http://one.org/other"));
  EXPECT_NE(digest("http://one.org/r.git"), digest("http://two.org/r.git"));
  EXPECT_NE(digest("http://one.org/r.git"), digest("http://one.org/r.git#:sub"));
  EXPECT_NE(digest("http://one.org/r.git"), digest("--keep-git-dir http://one.org/r.git"));
}

TEST(Workdir, MakesADirectoryOwnedByTheUser) {
  FakePlan plan;
  const BuildGraph graph = plan.graph("FROM base\nENV d=b\nUSER u\nWORKDIR a/$d\n");
  const auto& directory = std::get<MakeDirectory>(only<FileOp>(graph).action);
  EXPECT_EQ(directory.path, "/a/b");
  EXPECT_EQ(directory.user, "u");
  EXPECT_EQ(graph.target.config.config.working_dir, "/a/b");
  EXPECT_EQ(history(graph).back(), "WORKDIR /a/b");
  EXPECT_TRUE(graph.target.history.back().vertex.has_value());
}

TEST(Workdir, IsRelativeToTheBases) {
  FakePlan plan;
  plan.resolver.images["base"].config.working_dir = "/srv";
  EXPECT_EQ(plan.graph("FROM base\nWORKDIR x\n").target.config.config.working_dir, "/srv/x");
}

TEST(Workdir, AnAbsoluteOneStaysAsItIsWritten) {
  FakePlan plan;
  const BuildGraph graph = plan.graph("FROM base\nWORKDIR /a//b/../c/\nCOPY x y\nWORKDIR $nothing\n");
  EXPECT_EQ(graph.target.config.config.working_dir, "/a//b/../c/");
  EXPECT_EQ(history(graph).back(), "WORKDIR /a//b/../c/");
  EXPECT_EQ(std::get<MakeDirectory>(std::get<FileOp>(graph.vertices[1].op).action).path, "/a/c");
  EXPECT_EQ(std::get<CopyAction>(std::get<FileOp>(graph.vertices[2].op).action).destination, "/a/c/y");
}

TEST(Workdir, TheRootNeedsNoVertex) {
  FakePlan plan;
  const BuildGraph graph = plan.graph("FROM base\nWORKDIR /\n");
  EXPECT_EQ(graph.vertices.size(), 1U);
  EXPECT_EQ(graph.target.history.back().vertex, std::nullopt);
}

}  // namespace
}  // namespace pgstrata::graph
