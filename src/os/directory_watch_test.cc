#include "os/directory_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace pgstrata::os {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

struct Watched : ::testing::Test {
  Watched() {
    std::string pattern = ::testing::TempDir() + "watch.XXXXXX";
    top = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(top + "/a/b");
  }
  ~Watched() override { std::filesystem::remove_all(top); }

  static void write(const std::string& path) { std::ofstream(path) << "text"; }
  std::vector<std::string> taken() { return watch.take().value(); }

  std::string top;
  DirectoryWatch watch = DirectoryWatch::open().value();
};

TEST_F(Watched, FilesThatAreWrittenMovedAndRemovedBelow) {
  ASSERT_TRUE(watch.add_tree(top));
  EXPECT_THAT(taken(), IsEmpty());
  write(top + "/a/b/file");
  EXPECT_THAT(taken(), Contains(top + "/a/b/file"));
  std::filesystem::rename(top + "/a/b/file", top + "/a/other");
  EXPECT_THAT(taken(), Contains(top + "/a/other"));
  std::filesystem::remove(top + "/a/other");
  EXPECT_THAT(taken(), Contains(top + "/a/other"));
  ASSERT_EQ(::chmod((top + "/a/b").c_str(), 0700), 0);
  EXPECT_THAT(taken(), Contains(top + "/a/b"));
}

TEST_F(Watched, DirectoriesThatCameLater) {
  ASSERT_TRUE(watch.add_tree(top));
  std::filesystem::create_directories(top + "/new/deep/er");
  EXPECT_THAT(taken(), Contains(top + "/new"));
  write(top + "/new/deep/er/file");
  EXPECT_THAT(taken(), Contains(top + "/new/deep/er/file"));
}

TEST_F(Watched, OneDirectoryAlone) {
  ASSERT_TRUE(watch.add(top));
  write(top + "/a/file");
  EXPECT_THAT(taken(), IsEmpty());
  write(top + "/file");
  EXPECT_THAT(taken(), Contains(top + "/file"));
}

TEST_F(Watched, ReadingIsNoChangeAndALinkIsNotFollowed) {
  std::filesystem::create_directory_symlink(top + "/a", top + "/link");
  write(top + "/a/file");
  ASSERT_TRUE(watch.add_tree(top + "/link"));
  std::ifstream(top + "/a/file").get();
  write(top + "/a/file");
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(Watched, WhatIsNotThereIsPassedOver) {
  ASSERT_TRUE(watch.add_tree(top + "/missing"));
  EXPECT_THAT(taken(), IsEmpty());
}

}  // namespace
}  // namespace pgstrata::os
