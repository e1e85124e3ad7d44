#include "container/runtime_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pgstrata::container {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;

RuntimeSpec example() {
  RuntimeSpec spec;
  spec.rootfs = "/store/rootfs";
  spec.hostname = "db";
  spec.process.argv = {"postgres", "-D", "/data"};
  spec.process.env = {"A=b"};
  spec.process.capabilities = {"CAP_CHOWN"};
  return spec;
}

std::vector<std::string> namespaces(const json& config) {
  std::vector<std::string> types;
  for (const json& one : config["linux"]["namespaces"]) types.push_back(one["type"]);
  return types;
}

TEST(RuntimeSpec, HasWhatTheSpecificationRequires) {
  const json config = json::parse(to_json(example()));
  EXPECT_EQ(config["ociVersion"], "1.0.2");
  EXPECT_EQ(config["root"]["path"], "/store/rootfs");
  EXPECT_EQ(config["root"]["readonly"], false);
  EXPECT_EQ(config["process"]["args"], json({"postgres", "-D", "/data"}));
  EXPECT_EQ(config["process"]["cwd"], "/");
  EXPECT_EQ(config["hostname"], "db");
}

TEST(RuntimeSpec, OnlyRootStartsWithCapabilities) {
  RuntimeSpec spec = example();
  EXPECT_TRUE(json::parse(to_json(spec))["process"]["capabilities"].contains("effective"));
  spec.process.uid = 26;
  const json capabilities = json::parse(to_json(spec))["process"]["capabilities"];
  EXPECT_FALSE(capabilities.contains("effective"));
  // What setuid programs may have is still bounded.
  EXPECT_EQ(capabilities["bounding"], json({"CAP_CHOWN"}));
}

TEST(RuntimeSpec, ANetworkOfItsOwnIsANamespace) {
  RuntimeSpec spec = example();
  EXPECT_THAT(namespaces(json::parse(to_json(spec))), Not(Contains("network")));
  spec.private_network = true;
  EXPECT_THAT(namespaces(json::parse(to_json(spec))), Contains("network"));
}

TEST(RuntimeSpec, WithoutAControlGroupNoResourcesAreAsked) {
  RuntimeSpec spec = example();
  EXPECT_FALSE(json::parse(to_json(spec))["linux"].contains("resources"));
  spec.control_group = ControlGroup{.path = "/pgstrata/x", .memory_bytes = 1024};
  const json section = json::parse(to_json(spec))["linux"];
  EXPECT_EQ(section["cgroupsPath"], "/pgstrata/x");
  EXPECT_EQ(section["resources"]["memory"]["limit"], 1024);
  EXPECT_EQ(section["resources"]["devices"][0]["allow"], false);
}

TEST(RuntimeSpec, NewUserNamespacesAreDeniedUnlessTheSystemMayBeAdministrated) {
  RuntimeSpec spec = example();
  EXPECT_THAT(to_json(spec), testing::HasSubstr("\"unshare\""));
  spec.process.capabilities.emplace_back("CAP_SYS_ADMIN");
  EXPECT_THAT(to_json(spec), Not(testing::HasSubstr("\"unshare\"")));
  spec.seccomp = false;
  EXPECT_FALSE(json::parse(to_json(spec))["linux"].contains("seccomp"));
}

TEST(RuntimeSpec, BytesThatAreNotUtf8DoNotThrow) {
  RuntimeSpec spec = example();
  spec.process.argv = {"\xff"};
  EXPECT_EQ(json::parse(to_json(spec))["process"]["args"][0], "\xEF\xBF\xBD");
}

TEST(RuntimeSpec, AProcessComesBackAsItWas) {
  Process process = example().process;
  process.uid = 26;
  process.gid = 27;
  process.groups = {4, 5};
  process.terminal = true;
  process.cwd = "/work";
  process.no_new_privileges = true;
  const auto again = process_from_json(to_json(process));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(*again, process);
}

TEST(StandardMounts, SysfsOfTheMachineIsBoundWhereOneOfOurOwnIsForbidden) {
  const auto sys = [](bool own) {
    for (const Mount& mount : standard_mounts({.own_sysfs = own, .control_groups = false}))
      if (mount.destination == "/sys") return mount;
    return Mount{};
  };
  EXPECT_EQ(sys(true).type, "sysfs");
  EXPECT_THAT(sys(false).options, Contains("rbind"));
  EXPECT_THAT(sys(false).options, Contains("ro"));
}

TEST(StandardMounts, ShmHasTheSizeThatWasAskedFor) {
  const auto mounts = standard_mounts({.shm_bytes = 4096});
  EXPECT_EQ(mounts.back().destination, "/dev/shm");
  EXPECT_THAT(mounts.back().options, Contains("size=4096"));
}

TEST(Capabilities, DockersDefaultHasFourteen) {
  const auto names = capabilities({}, {});
  ASSERT_TRUE(names);
  EXPECT_EQ(names->size(), 14U);
  EXPECT_THAT(*names, Contains("CAP_NET_RAW"));
  EXPECT_THAT(*names, Not(Contains("CAP_SYS_ADMIN")));
}

TEST(Capabilities, DropAllAndAddOne) {
  EXPECT_THAT(*capabilities({"net_admin"}, {"ALL"}), ElementsAre("CAP_NET_ADMIN"));
  EXPECT_THAT(*capabilities({"ALL"}, {"CAP_CHOWN"}), Not(Contains("CAP_CHOWN")));
}

TEST(Capabilities, AnUnknownOneIsRefused) {
  EXPECT_EQ(capabilities({"CAP_FLY"}, {}).error().kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace pgstrata::container
