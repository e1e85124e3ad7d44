#include "advise/write_back.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "os/test_support.h"

namespace pgstrata::advise {
namespace {

TEST(WriteBack, ReplacesAFileThatIsAsItWas) {
  const os::testing::TempDir directory;
  const std::string path = directory.path() + "/Dockerfile";
  ASSERT_TRUE(os::write_file(path, "FROM a\n", 0640).has_value());
  ASSERT_EQ(::symlink("Dockerfile", (directory.path() + "/link").c_str()), 0);
  ASSERT_TRUE(write_back(directory.path() + "/link", "FROM a\n", "FROM b\n").has_value());
  EXPECT_EQ(*os::read_file(path), "FROM b\n");
  struct stat status {};
  ASSERT_EQ(::lstat((directory.path() + "/link").c_str(), &status), 0);
  EXPECT_TRUE(S_ISLNK(status.st_mode));
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0640U);
}

TEST(WriteBack, LeavesAFileThatWasEditedMeanwhile) {
  const os::testing::TempDir directory;
  const std::string path = directory.path() + "/Dockerfile";
  ASSERT_TRUE(os::write_file(path, "FROM a\nRUN mine\n").has_value());
  const auto result = write_back(path, "FROM a\n", "FROM b\n");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::kUsage);
  EXPECT_EQ(*os::read_file(path), "FROM a\nRUN mine\n");
}

}  // namespace
}  // namespace pgstrata::advise
