#include "exporter/local_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "exporter/fake_image.h"
#include "filetree/fake_file_tree.h"

namespace pgstrata::exporter {
namespace {

struct stat look(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status;
}

class LocalDirectory : public testing::Test {
 protected:
  std::string path(const std::string& name = "") { return directory_ / ("out" + name); }
  void write() { must(write_local(tree_, path(), std::nullopt)); }

  TemporaryDirectory directory_;
  filetree::FakeFileTree tree_;
};

TEST_F(LocalDirectory, AnImagesFilesBelongToTheCaller) {
  FakeImage image;
  must(export_local(image.request(), {.directory = path()}));
  EXPECT_EQ(must(os::read_file(path("/etc/greeting"))), "hello\n");
  EXPECT_FALSE(os::exists(path("/etc/old")));
  EXPECT_FALSE(os::exists(path("/opt/hidden")));
  const struct stat greeting = look(path("/etc/greeting"));
  EXPECT_EQ(greeting.st_uid, ::geteuid());
  EXPECT_EQ(greeting.st_mode & 07777U, 0640U);
  EXPECT_EQ(greeting.st_mtime, FakeLayer::kMtime);
  EXPECT_EQ(greeting.st_ino, look(path("/etc/same")).st_ino);
  EXPECT_EQ(look(path("/tool")).st_mode & 07777U, 04755U);
  EXPECT_EQ(look(path("/opt")).st_mode & 07777U, 0500U);
  EXPECT_EQ(look(path("/opt")).st_mtime, FakeLayer::kMtime);
  EXPECT_TRUE(S_ISFIFO(look(path("/pipe")).st_mode));
  EXPECT_TRUE(S_ISLNK(look(path("/etc/link")).st_mode));
}

TEST_F(LocalDirectory, MergesIntoWhatIsThere) {
  must(os::make_directories(path("/kept")));
  must(os::write_file(path("/kept/mine"), "mine"));
  must(os::write_file(path("/kept/theirs"), "old"));
  tree_.directory("kept");
  tree_.file("kept/theirs", "new");
  write();
  EXPECT_EQ(must(os::read_file(path("/kept/mine"))), "mine");
  EXPECT_EQ(must(os::read_file(path("/kept/theirs"))), "new");
  EXPECT_EQ(output_of({"ls", "-A", path("/kept")}), "mine\ntheirs\n");
}

TEST_F(LocalDirectory, ReplacesWhatHasAnotherKind) {
  must(os::make_directories(path("/becomes-file/with/files")));
  must(os::write_file(path("/becomes-directory"), "file"));
  tree_.file("becomes-file", "now a file");
  tree_.directory("becomes-directory");
  tree_.file("becomes-directory/inner", "x");
  write();
  EXPECT_EQ(must(os::read_file(path("/becomes-file"))), "now a file");
  EXPECT_EQ(must(os::read_file(path("/becomes-directory/inner"))), "x");
}

TEST_F(LocalDirectory, NeverWritesThroughALink) {
  must(os::make_directories(path()));
  must(os::make_directories(directory_ / "outside"));
  must(os::write_file(directory_ / "outside/file", "untouched"));
  ASSERT_EQ(::symlink("../outside", path("/etc").c_str()), 0);
  ASSERT_EQ(::symlink("../outside/file", path("/direct").c_str()), 0);
  tree_.directory("etc");
  tree_.file("etc/file", "inside");
  tree_.file("direct", "inside");
  write();
  EXPECT_EQ(must(os::read_file(directory_ / "outside/file")), "untouched");
  EXPECT_EQ(must(os::read_file(path("/etc/file"))), "inside");
  EXPECT_EQ(must(os::read_file(path("/direct"))), "inside");
}

TEST_F(LocalDirectory, TheSecondTimeGivesTheSame) {
  tree_.directory("locked", 0555);
  tree_.file("locked/a", "text", 0444);
  write();
  write();
  EXPECT_EQ(output_of({"ls", "-A", path("/locked")}), "a\n");
  EXPECT_EQ(look(path("/locked")).st_mode & 07777U, 0555U);
}

TEST_F(LocalDirectory, TimesAreClampedToTheEpoch) {
  tree_.file("late", "x").mtime_ns = 2'000'000'000'000'000'000;
  tree_.file("early", "x").mtime_ns = 1'500'000'000;
  must(write_local(tree_, path(), 1000));
  EXPECT_EQ(look(path("/late")).st_mtime, 1000);
  EXPECT_EQ(look(path("/early")).st_mtime, 1);
}

}  // namespace
}  // namespace pgstrata::exporter
