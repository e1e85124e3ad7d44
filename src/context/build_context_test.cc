#include "context/build_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "context/test_directory.h"
#include "filetree/resolve.h"

namespace pgstrata::context {
namespace {

using filetree::Entry;
using filetree::EntryType;
using testing::ElementsAre;
using testing::IsEmpty;
using Paths = std::vector<std::string>;

class BuildContextTest : public testing::Test {
 protected:
  std::unique_ptr<BuildContext> context(const std::string& ignore = "") {
    auto opened = BuildContext::open({.directory = tree.path(),
                                      .ignore_text = ignore,
                                      .ignore_name = ".dockerignore",
                                      .stat_cache_path = cache.at("stat")});
    if (!opened) ADD_FAILURE() << opened.error().message();
    return std::move(*opened);
  }
  filetree::ChangeSet walk(const std::string& path = "", const std::string& ignore = "") {
    auto entries = context(ignore)->walk(path);
    if (!entries) ADD_FAILURE() << entries.error().message();
    return entries ? *entries : filetree::ChangeSet();
  }
  // One build: walk, save. Gives the changes since the last one.
  std::vector<ChangedPath> build(const std::string& ignore = "") {
    const auto built = context(ignore);
    EXPECT_TRUE(built->walk(""));
    EXPECT_TRUE(built->save_stat_cache());
    return built->changed_paths();
  }
  static Paths paths(const filetree::ChangeSet& entries) {
    Paths found;
    for (const Entry& entry : entries) found.push_back(entry.path);
    return found;
  }
  Entry entry(const std::string& path) {
    const auto entries = walk(path);
    for (const Entry& found : entries)
      if (found.path == path) return found;
    ADD_FAILURE() << path;
    return {};
  }

  TestDirectory tree;
  TestDirectory cache;
};

TEST_F(BuildContextTest, WalkGivesSortedEntriesWithDigests) {
  tree.directory("a/sub");
  tree.directory("a-b");
  for (const char* path : {"a/x", "a/sub/y", "a-b/z", "a.txt", "a0", "b"}) tree.file(path, path);
  const auto entries = walk();
  EXPECT_THAT(paths(entries),
              ElementsAre("", "a", "a-b", "a-b/z", "a.txt", "a/sub", "a/sub/y", "a/x", "a0", "b"));
  for (const Entry& found : entries) {
    EXPECT_EQ(found.uid, 0U);
    EXPECT_EQ(found.gid, 0U);
    if (found.type != EntryType::kRegular) continue;
    EXPECT_EQ(found.content, oci::sha256(found.path));
    EXPECT_EQ(found.size, found.path.size());
  }
  EXPECT_THAT(paths(walk("a")), ElementsAre("a", "a/sub", "a/sub/y", "a/x"));
  EXPECT_THAT(paths(walk("a/x")), ElementsAre("a/x"));
}

TEST_F(BuildContextTest, WalkLookupAndListAgreeOnATreeOfManyShapes) {
  // Siblings around the byte of the slash, directories that are prefixes of one another.
  for (const char* path : {"a", "a-", "a-/b", "a/b", "a/b-c", "a/b/c", "a b", "a.d/e", "ab/a"})
    tree.directory(path);
  for (const char* path : {"a/b/c/f", "a/b-c/f", "a-/b/f", "a.d/e/f", "a b/f", "ab/a/f", "a/b.f", "a-f"})
    tree.file(path, "");
  const auto entries = walk();
  EXPECT_TRUE(std::is_sorted(entries.begin(), entries.end(),
                             [](const Entry& a, const Entry& b) { return a.path < b.path; }));
  EXPECT_EQ(entries.size(), 1U + 11U + 8U);
  const auto opened = context();
  for (const Entry& found : entries) {
    auto looked_up = *opened->lookup(found.path);
    ASSERT_TRUE(looked_up) << found.path;
    looked_up->content = found.content;
    EXPECT_EQ(*looked_up, found);
    const auto children = *opened->list(found.path);
    for (const Entry& child : children) EXPECT_EQ(filetree::parent_path(child.path), found.path);
  }
}

TEST_F(BuildContextTest, KeepsModesTimesAndOddNames) {
  const Paths names{"new\nline", "space d", "\xff\xfe",    "ünïcödé",
                    "-rf",       "*?[",     "back\\slash", std::string(255, 'n')};
  for (const std::string& name : names) tree.file(name, name);
  EXPECT_EQ(::chmod(tree.at("-rf").c_str(), 06751), 0);
  const timespec times[2] = {{1, 2}, {1234567890, 123456789}};
  EXPECT_EQ(::utimensat(AT_FDCWD, tree.at("-rf").c_str(), times, 0), 0);
  Paths expected = names;
  expected.emplace_back();
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(paths(walk()), expected);
  EXPECT_EQ(entry("-rf").mode, 06751U);
  EXPECT_EQ(entry("-rf").mtime_ns, 1234567890123456789);
  EXPECT_EQ(entry("\xff\xfe").content, oci::sha256("\xff\xfe"));
}

TEST_F(BuildContextTest, SocketsAreEmptyFilesFifosAndDevicesStay) {
  EXPECT_EQ(::mkfifo(tree.at("fifo").c_str(), 0600), 0);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  tree.at("socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
  EXPECT_EQ(::chmod(tree.at("socket").c_str(), 0751), 0);
  EXPECT_THAT(paths(walk()), ElementsAre("", "fifo", "socket"));
  EXPECT_EQ(entry("fifo").type, EntryType::kFifo);
  const Entry socket = entry("socket");
  EXPECT_EQ(socket.type, EntryType::kRegular);
  EXPECT_EQ(socket.mode, 0751U);
  EXPECT_EQ(socket.size, 0U);
  EXPECT_EQ(socket.content, oci::sha256(""));
  const auto opened = context();
  const auto content = opened->open(socket);
  ASSERT_TRUE(content) << content.error().message();
  EXPECT_EQ(content->size, 0U);
  EXPECT_EQ((*opened->lookup("socket"))->type, EntryType::kRegular);
  if (::mknod(tree.at("null").c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0)
    GTEST_SKIP() << "can't make devices";
  EXPECT_EQ(entry("null").type, EntryType::kCharDevice);
  EXPECT_EQ(entry("null").device_major, 1U);
  EXPECT_EQ(entry("null").device_minor, 3U);
}

TEST_F(BuildContextTest, LaterHardLinksAreLinksToTheFirst) {
  tree.directory("d");
  tree.file("d/b", "text");
  tree.hard_link("d/a", "d/b");
  tree.hard_link("c", "d/b");
  const auto entries = walk();
  ASSERT_THAT(paths(entries), ElementsAre("", "c", "d", "d/a", "d/b"));
  EXPECT_EQ(entries[1].type, EntryType::kRegular);
  EXPECT_EQ(entries[1].content, oci::sha256("text"));
  EXPECT_EQ(entries[3].type, EntryType::kHardLink);
  EXPECT_EQ(entries[3].link, "c");
  EXPECT_EQ(entries[4].link, "c");
  // Without c in the walk, or in the context, another one is the first.
  EXPECT_EQ(walk("d")[1].type, EntryType::kRegular);
  EXPECT_EQ(walk("d")[2].link, "d/a");
  EXPECT_EQ(walk("", "c\nd/a").back().type, EntryType::kRegular);
  EXPECT_EQ((*context()->lookup("d/a"))->type, EntryType::kRegular);
}

TEST_F(BuildContextTest, NeverFollowsALinkOut) {
  TestDirectory outside;
  outside.file("secret", "secret");
  tree.symlink("out", outside.path());
  tree.symlink("file", outside.at("secret"));
  tree.symlink("up", "../..");
  EXPECT_THAT(paths(walk()), ElementsAre("", "file", "out", "up"));
  EXPECT_EQ(entry("out").type, EntryType::kSymlink);
  EXPECT_EQ(entry("out").link, outside.path());
  const auto opened = context();
  EXPECT_FALSE(*opened->lookup("out/secret"));
  EXPECT_THAT(*opened->list("out"), IsEmpty());
  EXPECT_FALSE(opened->walk("out/secret"));
  EXPECT_FALSE(*opened->lookup("../" + std::string(filetree::base_name(outside.path())) + "/secret"));
  Entry forged;
  for (const char* path : {"file", "out/secret"}) {
    forged.path = path;
    forged.size = 6;
    EXPECT_FALSE(opened->open(forged)) << path;
  }
  // Followed within the context, the absolute target starts at its root, where there is nothing.
  EXPECT_FALSE(*opened->lookup(*filetree::resolve(*opened, "file", filetree::FinalLink::kFollow)));
}

TEST_F(BuildContextTest, IgnoredPathsDontExistButParentsOfIncludedOnesDo) {
  tree.directory("docs/deep/er");
  tree.directory("docs/empty");
  tree.directory("src");
  for (const char* path : {"docs/a.md", "docs/deep/er/keep", "docs/deep/drop", "src/x.c", "top"})
    tree.file(path, "");
  const std::string ignore = "docs\n!docs/deep/er/keep\n*.x\nto*";
  EXPECT_THAT(paths(walk("", ignore)),
              ElementsAre("", "docs", "docs/deep", "docs/deep/er", "docs/deep/er/keep", "src", "src/x.c"));
  EXPECT_THAT(paths(walk("docs/deep", ignore)),
              ElementsAre("docs/deep", "docs/deep/er", "docs/deep/er/keep"));
  const auto opened = context(ignore);
  EXPECT_TRUE(*opened->lookup("docs/deep"));
  for (const char* path : {"top", "docs/a.md", "docs/empty", "docs/deep/drop"}) {
    EXPECT_FALSE(*opened->lookup(path)) << path;
    EXPECT_FALSE(opened->walk(path)) << path;
  }
  EXPECT_THAT(paths(*opened->list("")), ElementsAre("docs", "src"));
  EXPECT_THAT(paths(*opened->list("docs")), ElementsAre("docs/deep"));
  EXPECT_THAT(paths(walk("", "*")), ElementsAre(""));
}

TEST_F(BuildContextTest, AnIgnoredDirectoryIsNotEvenOpened) {
  if (::geteuid() != 0) GTEST_SKIP() << "changes the user, which only root can";
  tree.directory("closed");
  tree.directory("tentative");
  for (const char* path : {"", "closed", "tentative"})
    EXPECT_EQ(::chmod(tree.at(path).c_str(), *path == '\0' ? 0755 : 0), 0);
  EXPECT_EQ(::chmod(cache.path().c_str(), 0777), 0);
  const auto ignoring = context("closed\ntentative\n!tentative/x");
  const auto plain = context();
  ASSERT_EQ(::seteuid(65534), 0);
  const auto without = ignoring->walk("");
  const auto with = plain->walk("");
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_TRUE(without) << without.error().message();
  EXPECT_THAT(paths(*without), ElementsAre(""));
  ASSERT_FALSE(with);
  EXPECT_EQ(with.error().where, tree.at("closed"));
}

TEST_F(BuildContextTest, AnUnreadableFileIsAnErrorThatNamesIt) {
  if (::geteuid() != 0) GTEST_SKIP() << "changes the user, which only root can";
  tree.directory("d");
  tree.file("d/secret", "x");
  EXPECT_EQ(::chmod(tree.path().c_str(), 0755), 0);
  EXPECT_EQ(::chmod(tree.at("d/secret").c_str(), 0), 0);
  const auto opened = context();
  ASSERT_EQ(::seteuid(65534), 0);
  const auto entries = opened->walk("");
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().kind, ErrorKind::kUsage);
  EXPECT_EQ(entries.error().where, tree.at("d/secret"));
  EXPECT_NE(entries.error().next, "");
}

TEST_F(BuildContextTest, AMissingContextAndABadPatternAreUsageErrors) {
  for (const auto& options :
       {BuildContext::Options{.directory = tree.at("missing")},
        BuildContext::Options{.directory = tree.path(), .ignore_text = "a\n[", .ignore_name = "i"}}) {
    const auto opened = BuildContext::open(options);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::kUsage);
  }
}

TEST_F(BuildContextTest, OpenGivesTheBytesAndNoticesAnotherFile) {
  tree.file("f", "text");
  const auto opened = context();
  EXPECT_EQ(*filetree::read_text(*opened, "f"), "text");
  const Entry before = opened->walk("f")->front();
  let_time_pass();
  tree.file("f", "next");
  const auto content = opened->open(before);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().where, tree.at("f"));
}

TEST_F(BuildContextTest, PathsMayBeLongerThanPathMax) {
  const std::string name(200, 'd');
  os::Fd at(::open(tree.path().c_str(), O_RDONLY | O_DIRECTORY));
  std::string path;
  for (int depth = 0; depth < 30; ++depth) {
    ASSERT_EQ(::mkdirat(at.get(), name.c_str(), 0755), 0);
    at = os::Fd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
    path += (path.empty() ? "" : "/") + name;
  }
  os::Fd file(::openat(at.get(), "leaf", O_WRONLY | O_CREAT, 0644));
  ASSERT_TRUE(os::write_all(file.get(), "deep", "leaf"));
  const auto entries = walk();
  ASSERT_EQ(entries.size(), 32U);
  EXPECT_EQ(entries.back().path, path + "/leaf");
  EXPECT_EQ(entries.back().content, oci::sha256("deep"));
  EXPECT_EQ(*filetree::read_text(*context(), path + "/leaf"), "deep");
}

TEST_F(BuildContextTest, KeepsCapabilitiesAloneOfAllAttributes) {
  tree.file("f", "");
  std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  const auto set = [&] {
    return ::setxattr(tree.at("f").c_str(), "security.capability", capability.data(), capability.size(), 0);
  };
  if (set() != 0) GTEST_SKIP() << "can't set capabilities";
  ::setxattr(tree.at("f").c_str(), "user.a", "1", 1, 0);
  let_time_pass();
  for (int run = 0; run < 2; ++run) {  // the second from the cache
    EXPECT_THAT(entry("f").xattrs, ElementsAre(std::pair("security.capability", capability)));
    build();
  }
  EXPECT_THAT(build(), IsEmpty());
  let_time_pass();
  capability[5] = '\1';
  EXPECT_EQ(set(), 0);
  EXPECT_EQ(entry("f").xattrs[0].second, capability);
  EXPECT_THAT(build(), ElementsAre(ChangedPath{"f", ChangeKind::kMetadata}));
}

}  // namespace
}  // namespace pgstrata::context
