// ProcessSpec::insecure, and device nodes.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "sandbox/test_root.h"

namespace pgstrata::sandbox {
namespace {

class InsecureTest : public TestRoot {
 protected:
  static ProcessSpec insecure(ProcessSpec spec) {
    spec.insecure = true;
    return spec;
  }
  /// What this process may do.
  static std::string own_capabilities() {
    std::ifstream file("/proc/self/status");
    std::stringstream text;
    text << file.rdbuf();
    const std::string line = "CapPrm:\t";
    return text.str().substr(text.str().find(line) + line.size(), 16);
  }
};

constexpr const char* kCapabilities = "sed -n 's/^Cap\\(Eff\\|Amb\\):\t//p' /proc/self/status";

TEST_F(InsecureTest, EveryUserKeepsAllCapabilities) {
  const std::string all = own_capabilities();
  EXPECT_EQ(output(insecure(shell(kCapabilities))), all + "\n" + all);
  if (missing_ids()) GTEST_SKIP() << "no other user";
  ProcessSpec plain = insecure(shell(kCapabilities));
  plain.uid = plain.gid = 1000;
  EXPECT_EQ(output(plain), all + "\n" + all);
  EXPECT_EQ(output(shell(kCapabilities)).substr(8, 8), "a80425fb") << "only if it is asked for";
}

TEST_F(InsecureTest, NothingOfProcAndSysIsHiddenOrReadOnly) {
  const char* below =
      "grep -c ' /proc/' /proc/mounts; grep ' /sys sysfs' /proc/mounts | cut -d' ' -f4 | cut -d, -f1";
  EXPECT_EQ(output(insecure(shell(below))), "0\nrw");
  EXPECT_NE(output(shell(below)).substr(0, 2), "0\n");
}

TEST_F(InsecureTest, NoSystemCallIsDenied) {
  EXPECT_EQ(exit_code(run(insecure(program({"/usr/bin/unshare", "--user", "/bin/true"})))), 0);
  EXPECT_NE(exit_code(run(program({"/usr/bin/unshare", "--user", "/bin/true"}))), 0);
}

TEST_F(InsecureTest, RootGetsDevices) {
  if (is_rootless()) GTEST_SKIP() << "needs root";
  EXPECT_EQ(output(insecure(shell("stat -c '%F %t:%T' /dev/kmsg /dev/loop7; ls -d /dev/net"))),
            "character special file 1:b\nblock special file 7:7\n/dev/net");
  EXPECT_EQ(output(shell("ls /dev/kmsg /dev/loop7 2>/dev/null; true")), "");
}

TEST_F(InsecureTest, ADeviceIsMadeOrBound) {
  ProcessSpec spec = shell("stat -c '%t:%T %a %u:%g' /dev/sub/x; stat -c %t:%T /opt/y; echo z >/dev/sub/x");
  spec.devices = {{.path = "/dev/sub/x",
                   .source = "/dev/null",
                   .major = 1,
                   .minor = 3,
                   .mode = 0640,
                   .uid = 0,
                   .gid = 5},
                  {.path = "/opt/y", .source = "/dev/zero", .major = 1, .minor = 5}};
  const std::string out = output(spec);
  if (is_rootless())
    EXPECT_EQ(out.substr(0, 8), "1:3 666 ") << "the machine's own";
  else
    EXPECT_EQ(out, "1:3 640 0:5\n1:5");
  EXPECT_FALSE(std::filesystem::exists(root_ + "/opt/y")) << "it would stay in the layer";
}

TEST_F(InsecureTest, ADeviceThatIsNowhereIsNotFound) {
  ProcessSpec spec = shell("true");
  spec.devices = {{.path = "/opt/x", .source = "/dev/there-is-no-such-device"}};
  Outcome outcome;
  const auto result = try_run(spec, outcome);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace pgstrata::sandbox
