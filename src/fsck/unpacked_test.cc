#include "fsck/unpacked.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"

namespace pgstrata::fsck {
namespace {

using filetree::Entry;
using filetree::EntryType;

/// A directory with a file, a hard link to it, a symbolic link and a directory, and their entries.
class UnpackedTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pgstrata-unpacked-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    ASSERT_EQ(::mkdir((root_ + "/d").c_str(), 0755), 0);
    ASSERT_TRUE(os::write_file(root_ + "/d/file", "hello"));
    ASSERT_EQ(::link((root_ + "/d/file").c_str(), (root_ + "/e").c_str()), 0);
    ASSERT_EQ(::symlink("d", (root_ + "/l").c_str()), 0);
    add("d", EntryType::kDirectory);
    Entry& file = add("d/file", EntryType::kRegular);
    file.mode = 0644;
    file.size = 5;
    file.content = oci::sha256("hello");
    add("e", EntryType::kHardLink).link = "d/file";
    add("l", EntryType::kSymlink).link = "d";
  }
  void TearDown() override { ASSERT_TRUE(os::remove_tree(root_)); }

  Entry& add(const std::string& path, EntryType type) {
    Entry& entry = changes_.emplace_back();
    entry.path = path;
    entry.type = type;
    entry.mode = 0755;
    entry.uid = ::getuid();
    entry.gid = ::getgid();
    return entry;
  }
  std::string difference() { return first_difference(root_, changes_).value().value_or("none"); }

  std::string root_;
  filetree::ChangeSet changes_;
};

TEST_F(UnpackedTest, AWholeOneHasNoDifference) { EXPECT_EQ(difference(), "none"); }

TEST_F(UnpackedTest, BytesSizesModesAndLinksAreCompared) {
  ASSERT_TRUE(os::write_file(root_ + "/d/file", "hellO"));
  EXPECT_EQ(difference(), "/d/file: it has other bytes");
  ASSERT_TRUE(os::write_file(root_ + "/d/file", ""));
  EXPECT_EQ(difference(), "/d/file: it has 0 bytes, expected 5");
  ASSERT_TRUE(os::write_file(root_ + "/d/file", "hello"));
  ASSERT_EQ(::chmod((root_ + "/d/file").c_str(), 0600), 0);
  EXPECT_EQ(difference(), "/d/file: its mode is 600, expected 644");
  ASSERT_EQ(::chmod((root_ + "/d/file").c_str(), 0644), 0);
  ASSERT_EQ(::unlink((root_ + "/l").c_str()), 0);
  ASSERT_EQ(::symlink("e", (root_ + "/l").c_str()), 0);
  EXPECT_EQ(difference(), "/l: it leads elsewhere");
  ASSERT_EQ(::unlink((root_ + "/e").c_str()), 0);
  ASSERT_TRUE(os::write_file(root_ + "/e", "hello"));
  EXPECT_EQ(difference(), "/e: it is no link to /d/file");
}

TEST_F(UnpackedTest, NothingIsMissingAndNothingMore) {
  ASSERT_TRUE(os::write_file(root_ + "/d/more", ""));
  EXPECT_EQ(difference(), "/d/more: the layer has no such file");
  ASSERT_EQ(::unlink((root_ + "/d/more").c_str()), 0);
  ASSERT_EQ(::unlink((root_ + "/l").c_str()), 0);
  EXPECT_EQ(difference(), "/l: it is missing");
  ASSERT_EQ(::mkdir((root_ + "/l").c_str(), 0755), 0);
  EXPECT_EQ(difference(), "/l: it is of another type");
}

}  // namespace
}  // namespace pgstrata::fsck
