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

TEST_F(BuildLockTest, AfterwardsOthersCanStart) {
  auto lock = BuildLock::share(root_).value();
  ASSERT_TRUE(lock.clear_abandoned(root_));
  EXPECT_TRUE(BuildLock::share(root_).has_value());
}

}  // namespace
}  // namespace pgstrata::store
