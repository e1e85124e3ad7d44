#include "content/content_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include "os/file.h"

namespace pgstrata::content {
namespace {

class ContentStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pgstrata-content-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
  }
  void TearDown() override { ASSERT_TRUE(os::remove_tree(root_)); }
  std::string root_;
};

TEST_F(ContentStoreTest, WhatIsPutIsRead) {
  const auto store = ContentStore::open(root_).value();
  const auto digest = store.put("hello").value();
  EXPECT_EQ(digest, oci::sha256("hello"));
  EXPECT_EQ(store.read(digest).value(), "hello");
  EXPECT_EQ(store.size(digest).value(), 5U);
  EXPECT_EQ(os::read_file(root_ + "/oci-layout").value(), "{\"imageLayoutVersion\":\"1.0.0\"}");
}

TEST_F(ContentStoreTest, ADamagedBlobIsNeverServed) {
  const auto store = ContentStore::open(root_).value();
  const auto digest = store.put("hello").value();
  ASSERT_TRUE(os::write_file(store.blob_path(digest), "hellO"));
  EXPECT_EQ(store.read(digest).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(store.verify(digest).error().kind, ErrorKind::kCorrupt);
}

TEST_F(ContentStoreTest, MakingACutBlobAgainHealsIt) {
  const auto store = ContentStore::open(root_).value();
  const auto digest = store.put("hello").value();
  ASSERT_TRUE(os::write_file(store.blob_path(digest), "hel"));
  ASSERT_TRUE(store.put("hello"));
  EXPECT_EQ(store.read(digest).value(), "hello");
  ASSERT_TRUE(os::write_file(store.blob_path(digest), ""));
  auto again = store.ingest().value();
  ASSERT_TRUE(os::write_all(again.fd(), "hello", again.path()));
  ASSERT_TRUE(again.commit(digest));
  EXPECT_EQ(store.read(digest).value(), "hello");
}

TEST_F(ContentStoreTest, MakingABlobWithWrongBytesAgainHealsIt) {
  const auto store = ContentStore::open(root_).value();
  const auto digest = store.put("hello").value();
  ASSERT_TRUE(os::write_file(store.blob_path(digest), "hellO"));
  ASSERT_TRUE(store.put("hello"));
  EXPECT_EQ(store.read(digest).value(), "hello");
  ASSERT_TRUE(os::write_file(store.blob_path(digest), "hellO"));
  auto again = store.ingest().value();
  ASSERT_TRUE(os::write_all(again.fd(), "hello", again.path()));
  ASSERT_TRUE(again.commit(digest));
  EXPECT_EQ(store.read(digest).value(), "hello");
}

TEST_F(ContentStoreTest, DirectoriesBelowTmpAreSpreadOverTheDisk) {
  const auto store = ContentStore::open(root_).value();
  const std::string tmp = root_ + "/tmp";
  struct statfs status {};
  ASSERT_EQ(::statfs(tmp.c_str(), &status), 0);
  if (status.f_type != EXT4_SUPER_MAGIC) GTEST_SKIP() << "the flag is one of ext4";
  const os::Fd directory = os::open(tmp, O_RDONLY | O_DIRECTORY).value();
  unsigned flags = 0;
  ASSERT_EQ(::ioctl(directory.get(), FS_IOC_GETFLAGS, &flags), 0);
  EXPECT_NE(flags & FS_TOPDIR_FL, 0U);
}

TEST_F(ContentStoreTest, AnAbandonedIngestLeavesNothing) {
  const auto store = ContentStore::open(root_).value();
  std::string path;
  {
    const Ingest ingest = store.ingest().value();
    path = ingest.path();
    EXPECT_TRUE(os::exists(path));
  }
  EXPECT_FALSE(os::exists(path));
  EXPECT_EQ(store.size(oci::sha256("")).error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace pgstrata::content
