#include "cdi/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/file.h"
#include "os/test_support.h"

namespace pgstrata::cdi {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Device device(const std::string& name, std::map<std::string, std::string> annotations = {}) {
  return {.name = name, .annotations = std::move(annotations), .edits = {.env = {"D=" + name}}};
}
Spec spec(const std::string& kind, std::vector<Device> devices) {
  return {.kind = kind, .edits = {.env = {"SPEC=" + kind}}, .devices = std::move(devices)};
}

TEST(CdiRegistry, FindsDevicesAsBuildKitDoes) {
  Registry registry;
  registry.add(spec("v.com/gpu", {device("1"), device("0"), device("all")}), 0, "gpu.json");
  registry.add(spec("v.com/nic", {device("n", {{"org.mobyproject.buildkit.device.class", "network"}})}), 0,
               "nic.json");
  EXPECT_THAT(registry.find("v.com/gpu=1"), ElementsAre("v.com/gpu=1"));
  EXPECT_THAT(registry.find("v.com/gpu"), ElementsAre("v.com/gpu=0")) << "the first of the kind";
  EXPECT_THAT(registry.find("v.com/gpu=*"), ElementsAre("v.com/gpu=0", "v.com/gpu=1", "v.com/gpu=all"));
  EXPECT_THAT(registry.find("network"), ElementsAre("v.com/nic=n"));
  EXPECT_THAT(registry.find("v.com/gpu=2"), IsEmpty());
  EXPECT_THAT(registry.find("gpu"), IsEmpty());
}

TEST(CdiRegistry, EditsOfASpecificationComeOnceAndFirst) {
  Registry registry;
  registry.add(spec("v/c", {device("a"), device("b")}), 0, "c.json");
  EXPECT_THAT(registry.edits({"v/c=b", "v/c=a"}).env, ElementsAre("SPEC=v/c", "D=b", "D=a"));
}

TEST(CdiRegistry, ADeviceMayAllowItself) {
  Registry registry;
  registry.add(
      spec("v/c", {device("a", {{"org.mobyproject.buildkit.device.autoallow", "true"}}), device("b")}), 0,
      "c.json");
  EXPECT_TRUE(registry.allows_itself("v/c=a"));
  EXPECT_FALSE(registry.allows_itself("v/c=b"));
  EXPECT_FALSE(registry.allows_itself("v/c=c"));
}

TEST(CdiRegistry, LaterDirectoriesWinAndConflictsTakeAway) {
  Registry registry;
  registry.add(spec("v/c", {device("a"), device("b")}), 0, "one.json");
  Spec later = spec("v/c", {device("a")});
  later.edits.env = {"LATER=1"};
  registry.add(later, 1, "two.json");
  registry.add(spec("v/c", {device("b")}), 0, "three.json");
  EXPECT_THAT(registry.edits({"v/c=a"}).env, ElementsAre("LATER=1", "D=a"));
  EXPECT_THAT(registry.find("v/c=b"), IsEmpty());
  EXPECT_THAT(registry.problems(), ElementsAre(HasSubstr("three.json")));
}

TEST(CdiRegistry, ReadsTheFilesOfDirectories) {
  const os::testing::TempDir temp;
  const std::string good =
      R"({"cdiVersion": "1.0.0", "kind": "v/c", "devices": [{"name": "a", "containerEdits": {"env": ["A=b"]}}]})";
  ASSERT_TRUE(os::write_file(temp / "good.json", good));
  ASSERT_TRUE(os::write_file(temp / "bad.json", "{"));
  ASSERT_TRUE(os::write_file(temp / "other.yaml", "x"));
  ASSERT_TRUE(os::write_file(temp / "none.txt", "x"));
  const Registry registry = Registry::read({temp / "absent", temp.path()});
  EXPECT_THAT(registry.find("v/c=a"), ElementsAre("v/c=a"));
  EXPECT_THAT(registry.problems(), ElementsAre(HasSubstr("bad.json"), HasSubstr("only JSON is read")));
}

}  // namespace
}  // namespace pgstrata::cdi
