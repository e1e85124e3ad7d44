#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "os/test_support.h"

namespace pgstrata::os {
namespace {

using testing::TempDir;

/// No descriptors but a few, as long as it lives.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t limit) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit few{.rlim_cur = limit, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

/// Directories in each other, with files, and with empty directories.
void make_deep(const std::string& top, int depth) {
  ASSERT_EQ(::mkdir(top.c_str(), 0755), 0);
  Fd at = open(top, O_RDONLY | O_DIRECTORY).value();
  for (int i = 0; i < depth; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "empty", 0755), 0);
    ASSERT_EQ(::mkdirat(at.get(), "down", 0755), 0);
    ASSERT_TRUE(open_at(at.get(), "file", O_WRONLY | O_CREAT, 0644).has_value());
    at = open_at(at.get(), "down", O_RDONLY | O_DIRECTORY).value();
  }
}

TEST(RemoveTree, OfAnyDepthWithFewDescriptors) {
  const TempDir temp;
  make_deep(temp / "deep", 150);
  const FewDescriptors few(64);
  ASSERT_DONE(remove_tree(temp / "deep"));
  EXPECT_FALSE(exists(temp / "deep"));
}

TEST(RemoveTree, DeepDirectoriesThatAreClosed) {
  const TempDir temp;
  make_deep(temp / "deep", 50);
  ASSERT_EQ(std::system(("chmod -R 0 " + (temp / "deep")).c_str()), 0);
  ASSERT_DONE(remove_tree(temp / "deep"));
  EXPECT_FALSE(exists(temp / "deep"));
}

TEST(RemoveTree, LinksAreOnlyRemoved) {
  const TempDir temp;
  ASSERT_DONE(make_directories(temp / "kept"));
  ASSERT_DONE(make_directories(temp / "gone/below"));
  ASSERT_EQ(::symlink((temp / "kept").c_str(), (temp / "gone/below/link").c_str()), 0);
  ASSERT_DONE(remove_tree(temp / "gone"));
  EXPECT_FALSE(exists(temp / "gone"));
  EXPECT_TRUE(exists(temp / "kept"));
}

}  // namespace
}  // namespace pgstrata::os
