#include "store/build_lock.h"

#include <gtest/gtest.h>

#include "os/file.h"

namespace pgstrata::store {
namespace {

class BuildLockTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pgstrata-lock-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    ASSERT_TRUE(os::make_directories(root_ + "/tmp/step.1.2.3/upper"));
  }
  void TearDown() override { ASSERT_TRUE(os::remove_tree(root_)); }
  bool left() const { return os::exists(root_ + "/tmp/step.1.2.3"); }
  std::string root_;
};

TEST_F(BuildLockTest, WhatAKilledBuildLeftIsRemoved) {
  auto lock = BuildLock::share(root_).value();
  ASSERT_TRUE(lock.clear_abandoned(root_));
  EXPECT_FALSE(left());
  EXPECT_TRUE(os::exists(root_ + "/tmp"));
}

TEST_F(BuildLockTest, WhatAnotherBuildWorksWithStays) {
  const auto other = BuildLock::share(root_).value();
  auto lock = BuildLock::share(root_).value();
  ASSERT_TRUE(lock.clear_abandoned(root_));
  EXPECT_TRUE(left());
}

TEST_F(BuildLockTest, WhatAKilledBuildLeftElsewhereIsRemoved) {
  const std::string elsewhere = root_ + "/elsewhere";
  ASSERT_TRUE(os::make_directories(elsewhere + "/tree"));
  ASSERT_EQ(::symlink(elsewhere.c_str(), (root_ + "/tmp/elsewhere.1.2.3").c_str()), 0);
  auto lock = BuildLock::share(root_).value();
  ASSERT_TRUE(lock.clear_abandoned(root_));
  EXPECT_FALSE(os::exists(elsewhere));
  EXPECT_FALSE(os::exists(root_ + "/tmp/elsewhere.1.2.3"));
  EXPECT_FALSE(left());
}

TEST_F(BuildLockTest, WhatCantBeRemovedElsewhereIsTriedAgain) {
  ASSERT_EQ(::symlink("/proc/version", (root_ + "/tmp/elsewhere.1.2.3").c_str()), 0);
  auto lock = BuildLock::share(root_).value();
  ASSERT_TRUE(lock.clear_abandoned(root_));
  EXPECT_TRUE(os::exists(root_ + "/tmp/elsewhere.1.2.3"));
  EXPECT_FALSE(left());
}

TEST_F(BuildLockTest, WhatCantBeRemovedIsToldAndTheRestGoes) {
  const std::string fixed = root_ + "/tmp/a-fixed";
  ASSERT_TRUE(os::make_directories(fixed));
  if (std::system(("chattr +i " + fixed + " 2>/dev/null").c_str()) != 0)
    GTEST_SKIP() << "needs root, and a file system with the attribute immutable";
  auto lock = BuildLock::share(root_).value();
  const auto stays = lock.clear_abandoned(root_);
  ASSERT_EQ(std::system(("chattr -i " + fixed).c_str()), 0);
  ASSERT_TRUE(stays.has_value());
  ASSERT_TRUE(stays->has_value());
  EXPECT_EQ((*stays)->where, fixed);
  EXPECT_TRUE(os::exists(fixed));
  EXPECT_FALSE(left());
}

// A layer is unpacked in tmp/, and can have any link at its top.
TEST_F(BuildLockTest, LinksFurtherDownAreOnlyRemoved) {
  ASSERT_TRUE(os::make_directories(root_ + "/kept"));
  ASSERT_EQ(::symlink((root_ + "/kept").c_str(), (root_ + "/tmp/step.1.2.3/elsewhere.1.2.3").c_str()), 0);
  auto lock = BuildLock::share(root_).value();
  ASSERT_TRUE(lock.clear_abandoned(root_));
  EXPECT_TRUE(os::exists(root_ + "/kept"));
  EXPECT_FALSE(left());
}

TEST_F(BuildLockTest, AfterwardsOthersCanStart) {
  auto lock = BuildLock::share(root_).value();
  ASSERT_TRUE(lock.clear_abandoned(root_));
  EXPECT_TRUE(BuildLock::share(root_).has_value());
}

}  // namespace
}  // namespace pgstrata::store
