// Who the program is, and what it may become: as in a container of Docker.
#include <linux/capability.h>
#include <sys/syscall.h>

#include <array>
#include <thread>

#include "sandbox/test_root.h"

namespace pgstrata::sandbox {
namespace {

class IdentityTest : public TestRoot {
 protected:
  void SetUp() override {
    TestRoot::SetUp();
    if (missing_ids()) GTEST_SKIP() << "needs more than one user id: " << missing_ids()->message();
  }
  static std::string capabilities(ProcessSpec spec) { return output(std::move(spec)); }
  static constexpr const char* kShowSets = "grep -E '^Cap' /proc/self/status | tr -d '\\t'";
};

// What `docker run debian grep Cap /proc/self/status` prints.
TEST_F(IdentityTest, RootHasDockersCapabilities) {
  EXPECT_EQ(output(shell(kShowSets)),
            "CapInh:0000000000000000\nCapPrm:00000000a80425fb\nCapEff:00000000a80425fb\n"
            "CapBnd:00000000a80425fb\nCapAmb:0000000000000000");
}

TEST_F(IdentityTest, PlainUserHasNoneButKeepsTheBoundingSet) {
  EXPECT_EQ(output(as_user(shell(kShowSets))),
            "CapInh:0000000000000000\nCapPrm:0000000000000000\nCapEff:0000000000000000\n"
            "CapBnd:00000000a80425fb\nCapAmb:0000000000000000");
}

// A caller with inheritable capabilities (a service with AmbientCapabilities=) must not hand them on:
// Docker stopped doing so with CVE-2022-24769.
TEST_F(IdentityTest, InheritableCapabilitiesOfTheCallerAreDropped) {
  std::string sets;
  std::jthread([this, &sets] {  // a thread, because capabilities are a thread's own
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, 2> caps{};
    ASSERT_EQ(::syscall(SYS_capget, &header, caps.data()), 0);
    for (auto& half : caps) half.inheritable = half.permitted;
    ASSERT_EQ(::syscall(SYS_capset, &header, caps.data()), 0);
    sets = output(as_user(shell("grep CapInh /proc/self/status")));
  })
      .join();
  EXPECT_EQ(sets, "CapInh:\t0000000000000000");
}

TEST_F(IdentityTest, UserGroupAndSupplementaryGroupsAreTheSpecs) {
  ProcessSpec spec = shell("id -u; id -g; id -G");
  spec.uid = 1000;
  spec.gid = 1001;
  spec.groups = {2000, 2001};
  EXPECT_EQ(output(spec), "1000\n1001\n1001 2000 2001");
}

TEST_F(IdentityTest, RootHasNoGroupsOfTheCaller) { EXPECT_EQ(output(shell("id -G")), "0"); }

TEST_F(IdentityTest, NewPrivilegesAreNotForbidden) {
  EXPECT_EQ(output(as_user(shell("grep NoNewPrivs /proc/self/status"))), "NoNewPrivs:\t0");
}

TEST_F(IdentityTest, SetuidProgramBecomesItsOwner) {
  copy("/usr/bin/id", "opt/id", 04755);
  EXPECT_EQ(output(as_user(shell("/opt/id -u; id -u"))), "0\n1000");
}

TEST_F(IdentityTest, FileCapabilityIsGranted) {
  if (!std::filesystem::exists("/usr/sbin/setcap")) GTEST_SKIP() << "needs setcap (package libcap2-bin)";
  copy("/usr/bin/cat", "opt/cat");
  EXPECT_EQ(output(shell("setcap cap_net_raw+ep /opt/cat")), "");
  EXPECT_EQ(output(as_user(shell("/opt/cat /proc/self/status | grep CapEff"))),
            "CapEff:\t0000000000002000");
}

TEST_F(IdentityTest, SuWorksForAPlainUser) {
  copy("/usr/bin/su", "opt/su", 04755);
  write(
      "etc/pam.d/su",
      "auth sufficient pam_permit.so\naccount sufficient pam_permit.so\nsession optional pam_permit.so\n");
  EXPECT_EQ(output(as_user(shell("/opt/su root -c 'id -u'"))), "0");
}

TEST_F(IdentityTest, SudoWorksForAPlainUser) {
  if (!std::filesystem::exists("/usr/bin/sudo")) GTEST_SKIP() << "this machine has no sudo";
  const std::string libexec =
      std::filesystem::exists("/usr/libexec/sudo/sudoers.so") ? "/usr/libexec" : "/usr/lib";
  copy("/usr/bin/sudo", "opt/sudo", 04755);
  copy(libexec + "/sudo/sudoers.so", "opt/lib/sudoers.so", 0644);  // sudo insists on its owner being root
  write("etc/sudo.conf",
        "Plugin sudoers_policy /opt/lib/sudoers.so\nPlugin sudoers_io /opt/lib/sudoers.so\n");
  write("etc/sudoers", "plain ALL=(ALL) NOPASSWD: ALL\n");
  ASSERT_EQ(::chmod((root_ + "/etc/sudoers").c_str(), 0440), 0);
  write(
      "etc/pam.d/sudo",
      "auth sufficient pam_permit.so\naccount sufficient pam_permit.so\nsession optional pam_permit.so\n");
  EXPECT_EQ(output(as_user(shell("/opt/sudo -n id -u"))), "0");
}

TEST_F(IdentityTest, PlainUserMayOpenItsOwnStreams) {
  EXPECT_EQ(output(as_user(shell("echo out > /dev/stdout"))), "out");
}

TEST_F(IdentityTest, FilesOfTheProgramBelongToTheUser) {
  EXPECT_EQ(output(as_user(shell("umask; touch /tmp/f; stat -c %u:%g:%a /tmp/f"))), "0022\n1000:1000:644");
}

TEST_F(IdentityTest, RootMayChangeOwners) {
  EXPECT_EQ(output(shell("touch /opt/f; chown 999:998 /opt/f; stat -c %u:%g /opt/f")), "999:998");
}

}  // namespace
}  // namespace pgstrata::sandbox
