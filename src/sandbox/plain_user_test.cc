// Everything again as a plain user. Root can become one; the user and its ranges exist only in this test's
// mount namespace.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "sandbox/user_namespace.h"

namespace pgstrata::sandbox {
namespace {

constexpr unsigned kUid = 64321;
/// Set in a process that one of the tests has prepared: what enter_namespaces() must say there.
constexpr const char* kExpected = "PGSTRATA_TEST_EXPECTED";

enum class Ranges { kWhole, kNone };

class PlainUser : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv(kExpected) != nullptr) return;
    if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
    std::string pattern = "/tmp/pgstrata-plain-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    base_ = pattern;
    ::chmod(base_.c_str(), 0755);
    std::filesystem::copy_file("/proc/self/exe", base_ + "/tests");
  }
  void TearDown() override {
    if (!base_.empty()) std::filesystem::remove_all(base_);
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(base_ + "/" + name) << text;
  }
  static std::string read(const std::string& path) {
    std::ifstream file(path);
    return {(std::istreambuf_iterator<char>(file)), {}};
  }

  /// Runs this program's tests that match `filter` as a user with or without subordinate ids; its exit
  /// code.
  int run_tests(Ranges ranges, const std::string& filter) const {
    write("passwd", read("/etc/passwd") + fmt::format("pgstrata-test:x:{0}:{0}::/tmp:/bin/sh\n", kUid));
    const std::string range = ranges == Ranges::kWhole ? "pgstrata-test:7000000:65536\n" : "";
    write("subuid", range);
    write("subgid", range);
    const pid_t child = ::fork();
    if (child == 0) become_user_and_run(filter);
    return exit_code(child);
  }

  static int exit_code(pid_t child) {
    int status = -1;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  /// In a forked child: runs this program's tests that match `filter`.
  [[noreturn]] void execute_tests(const std::string& filter) const {
    const std::string option = "--gtest_filter=" + filter;
    ::unsetenv("GTEST_OUTPUT");  // the report of this run is the outer test's
    ::execl((base_ + "/tests").c_str(), "tests", option.c_str(), "--gtest_brief=1", nullptr);
    ::_exit(93);
  }

 private:
  [[noreturn]] void become_user_and_run(const std::string& filter) const {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      ::_exit(90);
    for (const char* name : {"passwd", "subuid", "subgid"}) {
      const std::string target = std::string("/etc/") + name;
      if (::mount((base_ + "/" + name).c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0)
        ::_exit(91);
    }
    if (::chdir("/tmp") != 0 || ::setgroups(0, nullptr) != 0 || ::setgid(kUid) != 0 || ::setuid(kUid) != 0)
      ::_exit(92);
    execute_tests(filter);
  }
  std::string base_;
};

TEST_F(PlainUser, PassesAllOtherTests) {
  for (const char* needed : {"/usr/bin/newuidmap", "/etc/subuid", "/etc/subgid"})
    if (!std::filesystem::exists(needed)) GTEST_SKIP() << "needs " << needed << " (package uidmap)";
  EXPECT_EQ(run_tests(Ranges::kWhole, "-PlainUser.*"), 0);
}

bool is_prepared() { return std::getenv(kExpected) != nullptr; }

void expect_refusal() {
  const auto entered = enter_namespaces();
  ASSERT_FALSE(entered);
  EXPECT_EQ(entered.error().kind, ErrorKind::kMachine);
  EXPECT_NE(entered.error().next.find(std::getenv(kExpected)), std::string::npos) << entered.error().next;
}

TEST_F(PlainUser, RootOfAnOrdinaryContainerIsToldWhatToStartItWith) {
  if (is_prepared()) return expect_refusal();
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv(kExpected, "--privileged", 1);
    ::prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0);  // gone from the next execve on
    execute_tests("PlainUser.RootOfAnOrdinaryContainerIsToldWhatToStartItWith");
  }
  EXPECT_EQ(exit_code(child), 0);
}

// The sysctl counts per user namespace: in one of our own it can be set to 0 without harm to the machine.
TEST_F(PlainUser, DisabledUserNamespacesAreNamedByTheirSysctl) {
  if (is_prepared()) return expect_refusal();
  int ready[2] = {-1, -1};
  int mapped[2] = {-1, -1};
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(mapped, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char byte = 0;
    if (::unshare(CLONE_NEWUSER) != 0 || ::write(ready[1], "x", 1) != 1 || ::read(mapped[0], &byte, 1) != 1)
      ::_exit(94);
    std::ofstream("/proc/sys/user/max_user_namespaces") << 0;
    ::setenv(kExpected, "sysctl user.max_user_namespaces=", 1);
    if (::setgid(kUid) != 0 || ::setuid(kUid) != 0) ::_exit(95);
    execute_tests("PlainUser.DisabledUserNamespacesAreNamedByTheirSysctl");
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  for (const char* map : {"uid_map", "gid_map"})
    std::ofstream(fmt::format("/proc/{}/{}", child, map)) << fmt::format("0 0 1\n{0} {0} 1\n", kUid);
  ASSERT_EQ(::write(mapped[1], "x", 1), 1);
  EXPECT_EQ(exit_code(child), 0);
}

// Tests of other ids skip themselves there.
TEST_F(PlainUser, WithoutRangesRunsAsRootAlone) { EXPECT_EQ(run_tests(Ranges::kNone, "-PlainUser.*"), 0); }

}  // namespace
}  // namespace pgstrata::sandbox
