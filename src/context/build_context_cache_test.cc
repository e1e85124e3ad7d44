// What the stat cache may and may not save: every test edits files between two builds and asks whether the
// second one sees it, and which changes it names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "context/build_context.h"
#include "context/test_directory.h"

namespace pgstrata::context {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ContextCacheTest : public testing::Test {
 protected:
  std::unique_ptr<BuildContext> open(const std::string& ignore = "") {
    auto opened = BuildContext::open({.directory = tree.path(),
                                      .ignore_text = ignore,
                                      .ignore_name = "i",
                                      .stat_cache_path = cache.at("stat")});
    if (!opened) ADD_FAILURE() << opened.error().message();
    return std::move(*opened);
  }
  std::vector<ChangedPath> build(const std::string& ignore = "", const std::string& path = "") {
    const auto context = open(ignore);
    EXPECT_TRUE(context->walk(path));
    EXPECT_TRUE(context->save_stat_cache());
    return context->changed_paths();
  }
  oci::Digest content(const std::string& path) {
    const auto entries = open()->walk(path);
    return entries && !entries->empty() ? entries->front().content : oci::Digest{};
  }
  ino_t cache_inode() {
    struct stat status {};
    EXPECT_EQ(::stat(cache.at("stat").c_str(), &status), 0);
    return status.st_ino;
  }
  TestDirectory tree;
  TestDirectory cache;
};

// Without reading: the file can't be read any more, and its digest is known.
TEST_F(ContextCacheTest, AKnownFileIsNotRead) {
  if (::geteuid() != 0) GTEST_SKIP() << "changes the user, which only root can";
  tree.file("f", "text");
  EXPECT_EQ(::chmod(tree.path().c_str(), 0755), 0);
  EXPECT_EQ(::chmod(tree.at("f").c_str(), 0), 0);
  let_time_pass();
  build();
  const auto context = open();
  ASSERT_EQ(::seteuid(65534), 0);
  const auto entries = context->walk("f");
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_TRUE(entries) << entries.error().message();
  EXPECT_EQ(entries->front().content, oci::sha256("text"));
}

TEST_F(ContextCacheTest, NothingChangedWritesNothing) {
  tree.directory("d");
  tree.file("d/f", "text");
  let_time_pass();
  EXPECT_THAT(build(), IsEmpty()) << "the first build has nothing to compare with";
  const ino_t first = cache_inode();
  EXPECT_THAT(build(), IsEmpty());
  EXPECT_EQ(cache_inode(), first);
}

// Same size, at once: only the racy rule can see some of these, whatever the clock's grain.
TEST_F(ContextCacheTest, SeesEveryOfManyQuickEditsOfTheSameSize) {
  for (int i = 0; i < 300; ++i) {
    const std::string text = std::to_string(1000 + i);
    tree.file("f", text);
    ASSERT_EQ(content("f"), oci::sha256(text)) << i;
    build();
  }
}

TEST_F(ContextCacheTest, SeesAnEditWhoseMtimeWasPutBack) {
  tree.file("f", "one");
  let_time_pass();
  build();
  struct stat before {};
  ASSERT_EQ(::stat(tree.at("f").c_str(), &before), 0);
  tree.file("f", "two");
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, tree.at("f").c_str(), times, 0), 0);
  EXPECT_EQ(content("f"), oci::sha256("two"));
}

TEST_F(ContextCacheTest, SeesAnotherFileUnderTheNameWithTheSameTimes) {
  tree.file("f", "one");
  tree.file("g", "two");
  const timespec times[2] = {{5, 0}, {5, 0}};
  for (const char* name : {"f", "g"}) ASSERT_EQ(::utimensat(AT_FDCWD, tree.at(name).c_str(), times, 0), 0);
  let_time_pass();
  build();
  ASSERT_EQ(::rename(tree.at("g").c_str(), tree.at("f").c_str()), 0);
  EXPECT_EQ(content("f"), oci::sha256("two"));
}

TEST_F(ContextCacheTest, NamesWhatChanged) {
  tree.directory("d/old");
  tree.directory("same");
  for (const char* path : {"d/edited", "d/mode", "d/touched", "d/gone", "d/old/x", "same/f"})
    tree.file(path, path);
  tree.symlink("link", "d");
  let_time_pass();
  build();
  tree.file("d/edited", "D/EDITED");
  tree.file("d/touched", "d/touched");
  EXPECT_EQ(::chmod(tree.at("d/mode").c_str(), 0755), 0);
  EXPECT_TRUE(os::remove_tree(tree.at("d/gone")));
  EXPECT_TRUE(os::remove_tree(tree.at("d/old")));
  EXPECT_EQ(::unlink(tree.at("link").c_str()), 0);
  tree.symlink("link", "same");
  tree.directory("d/new");
  tree.file("d/new/y", "");
  EXPECT_THAT(
      build(),
      ElementsAre(ChangedPath{"d/edited", ChangeKind::kContent},
                  ChangedPath{"d/gone", ChangeKind::kVanished},
                  ChangedPath{"d/mode", ChangeKind::kMetadata}, ChangedPath{"d/new", ChangeKind::kAppeared},
                  ChangedPath{"d/old", ChangeKind::kVanished}, ChangedPath{"link", ChangeKind::kContent}));
  EXPECT_THAT(build(), IsEmpty());
  EXPECT_EQ(StatCache(cache.at("stat")).directory("d/old"), nullptr) << "what is gone is forgotten";
}

TEST_F(ContextCacheTest, ChangesAreLimitedToWhatWasWalked) {
  tree.directory("a");
  tree.directory("b");
  for (const char* path : {"a/f", "b/f", "b/g"}) tree.file(path, "one");
  let_time_pass();
  build();
  for (const char* path : {"a/f", "b/f", "b/g"}) tree.file(path, "two");
  EXPECT_THAT(build("", "a"), ElementsAre(ChangedPath{"a/f", ChangeKind::kContent}));
  EXPECT_THAT(build("", "b/g"), ElementsAre(ChangedPath{"b/g", ChangeKind::kContent}));
  EXPECT_THAT(build(), ElementsAre(ChangedPath{"b/f", ChangeKind::kContent}));
}

// A cache that has seen one file of a directory can't say that the others are new.
TEST_F(ContextCacheTest, WhatWasNeverWalkedIsNotCalledNew) {
  tree.file("a", "");
  tree.file("b", "");
  build("", "a");
  EXPECT_THAT(build(), IsEmpty());
  tree.file("c", "");
  EXPECT_THAT(build(), ElementsAre(ChangedPath{"c", ChangeKind::kAppeared}));
}

TEST_F(ContextCacheTest, IgnoringIsVanishing) {
  tree.file("a", "");
  tree.file("b", "");
  build();
  EXPECT_THAT(build("b"), ElementsAre(ChangedPath{"b", ChangeKind::kVanished}));
  EXPECT_THAT(build(), ElementsAre(ChangedPath{"b", ChangeKind::kAppeared}));
}

TEST_F(ContextCacheTest, ADamagedCacheCostsTimeAndNothingElse) {
  tree.directory("d");
  tree.file("d/f", "text");
  tree.file("g", "other");
  let_time_pass();
  build();
  const std::string intact = *os::read_file(cache.at("stat"));
  for (std::size_t i = 0; i < intact.size(); i += 3) {
    std::string damaged = intact;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    ::unlink(cache.at("stat").c_str());
    ASSERT_TRUE(os::write_file(cache.at("stat"), damaged));
    ASSERT_EQ(content("d/f"), oci::sha256("text")) << i;
    ASSERT_EQ(content("g"), oci::sha256("other")) << i;
  }
}

TEST_F(ContextCacheTest, AFileThatGrowsWhileItIsReadIsNeverRecordedWrong) {
  tree.file("log", "");
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    const os::Fd fd(::open(tree.at("log").c_str(), O_WRONLY | O_APPEND));
    while (!stop) {
      if (::write(fd.get(), "0123456789abcdef", 16) != 16) break;
    }
  });
  for (int i = 0; i < 30; ++i) {
    const auto context = open();
    if (const auto entries = context->walk("log")) {
      EXPECT_EQ(entries->front().size % 16, 0U);
      std::string text;
      while (text.size() < entries->front().size) text += "0123456789abcdef";
      EXPECT_EQ(entries->front().content, oci::sha256(text)) << "size and digest belong together";
    }
    EXPECT_TRUE(context->save_stat_cache());
  }
  stop = true;
  writer.join();
  EXPECT_EQ(content("log"), oci::sha256(*os::read_file(tree.at("log"))));
}

// Enough directories to make threads start, all shapes of the merge, twice: hashed and from the cache.
TEST_F(ContextCacheTest, ALargeTreeIsTheSameFromTheCacheAndFromTheFiles) {
  for (int d = 0; d < 60; ++d) {
    const std::string directory = "d" + std::to_string(d % 7) + "/e-" + std::to_string(d);
    tree.directory(directory);
    for (int f = 0; f < 25; ++f) tree.file(directory + "/" + std::to_string(f), std::to_string(d * f));
  }
  let_time_pass();
  const auto hashed = open()->walk("");
  build();
  const auto cached = open()->walk("");
  ASSERT_TRUE(hashed);
  ASSERT_TRUE(cached);
  EXPECT_EQ(hashed->size(), 1U + 7U + 60U + 60U * 25U);
  EXPECT_EQ(*hashed, *cached);
  EXPECT_TRUE(std::is_sorted(hashed->begin(), hashed->end(),
                             [](const auto& a, const auto& b) { return a.path < b.path; }));
}

}  // namespace
}  // namespace pgstrata::context
