#include "users/users.h"

#include <gtest/gtest.h>

#include "filetree/fake_file_tree.h"

namespace pgstrata::users {
namespace {

class UsersTest : public testing::Test {
 protected:
  UsersTest() {
    root_.directory("etc");
    root_.file("etc/passwd",
               "root:x:0:0:root:/root:/bin/bash\n"
               "broken line\n"
               "postgres:x:999:998::/var/lib/postgresql:/bin/bash\n");
    root_.file("etc/group",
               "root:x:0:\npostgres:x:998:\nssl-cert:x:107:postgres\nstaff:x:50:other,postgres\n");
  }
  filetree::FakeFileTree root_;
};

TEST_F(UsersTest, ANameBringsItsGroupsAndHome) {
  const Identity identity = resolve_identity(root_, "postgres").value();
  EXPECT_EQ(identity.uid, 999U);
  EXPECT_EQ(identity.gid, 998U);
  EXPECT_EQ(identity.groups, (std::vector<std::uint32_t>{50, 107, 998}));
  EXPECT_EQ(identity.home, "/var/lib/postgresql");
}

TEST_F(UsersTest, AKnownNumberIsTheSameAsItsName) {
  EXPECT_EQ(resolve_identity(root_, "999")->groups, (std::vector<std::uint32_t>{50, 107, 998}));
}

TEST_F(UsersTest, AGivenGroupReplacesTheSupplementaryOnes) {
  const Identity identity = resolve_identity(root_, "postgres:ssl-cert").value();
  EXPECT_EQ(identity.gid, 107U);
  EXPECT_EQ(identity.groups, (std::vector<std::uint32_t>{107}));
}

TEST_F(UsersTest, NumbersNeedNoPasswd) {
  const filetree::FakeFileTree empty;
  EXPECT_EQ(resolve_identity(empty, "1000")->uid, 1000U);
  EXPECT_EQ(resolve_identity(empty, "1000")->gid, 0U);
  EXPECT_EQ(resolve_identity(empty, "1000")->home, "/");
  EXPECT_EQ(resolve_identity(empty, "")->uid, 0U);
}

TEST_F(UsersTest, UnknownNamesAreNamed) {
  EXPECT_NE(resolve_identity(root_, "nobody").error().what.find("nobody"), std::string::npos);
  EXPECT_FALSE(resolve_identity(root_, "postgres:nogroup").has_value());
  EXPECT_FALSE(resolve_identity(root_, "4294967296").has_value());
}

// BuildKit: solver/llbsolver/ops/user_linux.go; tests/conformance has the cases.
TEST_F(UsersTest, ChownToAnUnknownNameIsRootsAndSaysSo) {
  const auto user = resolve_owner(&root_, "nobody:50");
  EXPECT_EQ(user->uid, 0U);
  EXPECT_EQ(user->gid, 50U);
  EXPECT_EQ(user->unknown, "there is no user \"nobody\" in the stage's /etc/passwd");
  const auto group = resolve_owner(&root_, "5:nogroup");
  EXPECT_EQ(group->uid, 5U);
  EXPECT_EQ(group->gid, 5U) << "as if no group had been given";
  EXPECT_EQ(group->unknown, "there is no group \"nogroup\" in the stage's /etc/group");
  EXPECT_EQ(resolve_owner(&root_, "postgres:ghosts")->gid, 998U);
  EXPECT_EQ(resolve_owner(&root_, "postgres")->unknown, "");
}

TEST_F(UsersTest, ChownWithoutAStageTakesNumbersAndRoot) {
  EXPECT_EQ(resolve_owner(nullptr, "root:root")->gid, 0U);
  EXPECT_EQ(resolve_owner(nullptr, "5:6")->gid, 6U);
  EXPECT_FALSE(resolve_owner(nullptr, "postgres").has_value()) << "no stage, so nowhere to look";
  EXPECT_FALSE(resolve_owner(nullptr, "1:postgres").has_value());
}

TEST_F(UsersTest, ChownTakesAnEmptyNameForRoot) {
  EXPECT_EQ(resolve_owner(&root_, "postgres:")->gid, 0U);
  EXPECT_EQ(resolve_owner(nullptr, "5:")->gid, 0U);
  EXPECT_EQ(resolve_owner(nullptr, ":5")->gid, 5U);
  EXPECT_EQ(resolve_owner(nullptr, ":5")->unknown, "");
}

TEST_F(UsersTest, ChownOfANumberAloneTakesItForTheGroupToo) {
  EXPECT_EQ(resolve_owner(&root_, "5")->gid, 5U);
  EXPECT_EQ(resolve_owner(&root_, "postgres")->gid, 998U);
  EXPECT_EQ(resolve_owner(&root_, "postgres:50")->gid, 50U);
}

}  // namespace
}  // namespace pgstrata::users
