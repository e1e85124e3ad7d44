#include "filetree/resolve.h"

#include <gtest/gtest.h>

#include "filetree/fake_file_tree.h"

namespace pgstrata::filetree {
namespace {

TEST(Clean, IsLexicalAndStaysBelowTheRoot) {
  EXPECT_EQ(clean("/a/./b//../c/"), "a/c");
  EXPECT_EQ(clean("../../etc"), "etc");
  EXPECT_EQ(clean("a/../../b"), "b");
  EXPECT_EQ(clean(""), "");
  EXPECT_EQ(clean("/"), "");
  EXPECT_EQ(clean("./."), "");
  EXPECT_EQ(clean("a b/\n/..."), "a b/\n/...");
}

class ResolveTest : public testing::Test {
 protected:
  ResolveTest() {
    tree.directory("etc");
    tree.file("etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    tree.directory("usr");
    tree.directory("usr/bin");
    tree.file("usr/bin/sh", "#!");
    tree.symlink("bin", "usr/bin");
    tree.symlink("abs", "/etc/passwd");
    tree.symlink("out", "../../../etc");
    tree.symlink("usr/up", "../etc/./passwd");
    tree.symlink("chain", "abs");
    tree.symlink("dangling", "/new/dir");
    tree.symlink("loop", "loop");
    tree.symlink("ping", "pong");
    tree.symlink("pong", "ping");
  }
  std::string at(std::string_view path, FinalLink last = FinalLink::kFollow) {
    auto resolved = resolve(tree, path, last);
    return resolved ? *resolved : "error: " + resolved.error().what;
  }
  FakeFileTree tree;
};

TEST_F(ResolveTest, FollowsLinksInEveryComponent) {
  EXPECT_EQ(at("/etc/passwd"), "etc/passwd");
  EXPECT_EQ(at("bin/sh"), "usr/bin/sh");
  EXPECT_EQ(at("/chain"), "etc/passwd");
  EXPECT_EQ(at("usr/up"), "etc/passwd");
  EXPECT_EQ(at("out/passwd"), "etc/passwd");
  EXPECT_EQ(at("bin/"), "usr/bin");
  EXPECT_EQ(at(""), "");
}

TEST_F(ResolveTest, DotDotClimbsFromWhereTheLinkLed) {
  EXPECT_EQ(at("bin/../up"), "etc/passwd");
  EXPECT_EQ(at("../../bin/../.."), "");
}

TEST_F(ResolveTest, KeepsTheFinalLinkOnRequest) {
  EXPECT_EQ(at("bin", FinalLink::kKeep), "bin");
  EXPECT_EQ(at("bin/", FinalLink::kKeep), "bin");
  EXPECT_EQ(at("out/passwd", FinalLink::kKeep), "etc/passwd");
  EXPECT_EQ(at("chain", FinalLink::kKeep), "chain");
}

TEST_F(ResolveTest, KeepsWhatIsNotThereYet) {
  EXPECT_EQ(at("bin/new/file"), "usr/bin/new/file");
  EXPECT_EQ(at("dangling/file"), "new/dir/file");
  EXPECT_EQ(at("missing/../etc"), "etc");
  EXPECT_EQ(at("etc/passwd/below"), "etc/passwd/below");
}

TEST_F(ResolveTest, LoopsAreErrors) {
  for (const char* path : {"loop", "ping", "pong/x"}) {
    const auto resolved = resolve(tree, path, FinalLink::kFollow);
    ASSERT_FALSE(resolved) << path;
    EXPECT_EQ(resolved.error().kind, ErrorKind::kUsage);
    EXPECT_NE(resolved.error().where.find(path), std::string::npos);
  }
  EXPECT_EQ(at("loop", FinalLink::kKeep), "loop");
}

TEST(Resolve, Follows255LinksAndNoMore) {
  FakeFileTree tree;
  tree.file("0", "end");
  for (int i = 1; i <= 256; ++i) tree.symlink(std::to_string(i), std::to_string(i - 1));
  EXPECT_EQ(*resolve(tree, "255", FinalLink::kFollow), "0");
  EXPECT_FALSE(resolve(tree, "256", FinalLink::kFollow));
}

TEST_F(ResolveTest, ReadTextFollowsLinksAndSaysWhatIsMissing) {
  EXPECT_EQ(*read_text(tree, "/chain"), "root:x:0:0::/root:/bin/sh\n");
  for (const char* path : {"etc/shadow", "etc", "dangling"}) {
    const auto text = read_text(tree, path);
    ASSERT_FALSE(text) << path;
    EXPECT_EQ(text.error().kind, ErrorKind::kNotFound);
  }
  EXPECT_EQ(read_text(tree, "etc/shadow").error().where, "memory: /etc/shadow");
}

}  // namespace
}  // namespace pgstrata::filetree
