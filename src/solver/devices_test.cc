#include "solver/devices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgstrata::solver {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// v.com/c=one and =two, of which the second allows itself.
cdi::Registry machine() {
  const auto device = [](const std::string& name, const char* allowed) {
    return cdi::Device{.name = name,
                       .annotations = {{"org.mobyproject.buildkit.device.autoallow", allowed}},
                       .edits = {.env = {"DEVICE=" + name}}};
  };
  cdi::Registry registry;
  registry.add({.kind = "v.com/c", .edits = {}, .devices = {device("one", "false"), device("two", "true")}},
               0, "c.json");
  return registry;
}

/// The devices that a RUN with these flags gets, or why it doesn't run.
struct Answer {
  std::vector<std::string> devices;
  std::string refused;
};
Answer ask(std::vector<graph::DeviceRequest> devices, const std::set<std::string>& allowed) {
  graph::BuildGraph graph;
  graph::ExecOp op;
  op.devices = std::move(devices);
  graph.vertices.push_back({.op = std::move(op),
                            .parent = std::nullopt,
                            .name = "RUN",
                            .instruction = "RUN x",
                            .location = {.line = 3}});
  const cdi::Registry registry = machine();
  if (const auto done = resolve_devices(graph, allowed, registry, "Dockerfile"); !done)
    return {.devices = {}, .refused = done.error().message()};
  Answer answer;
  for (const graph::DeviceRequest& found : std::get<graph::ExecOp>(graph.vertices[0].op).devices)
    answer.devices.push_back(found.name);
  return answer;
}

TEST(Devices, OneThatAllowsItselfNeedsNoOption) {
  EXPECT_THAT(ask({{"v.com/c=two", true}}, {}).devices, ElementsAre("v.com/c=two"));
  EXPECT_THAT(ask({{"v.com/c=one", true}}, {}).refused,
              HasSubstr("Dockerfile:3: the step asks for the device \"v.com/c=one\", which isn't allowed"));
}

TEST(Devices, AreAllowedAllOrByName) {
  EXPECT_THAT(ask({{"v.com/c=*", true}}, {"device"}).devices, ElementsAre("v.com/c=one", "v.com/c=two"));
  EXPECT_THAT(ask({{"v.com/c=one", true}}, {"device=v.com/c=one"}).devices, ElementsAre("v.com/c=one"));
  EXPECT_THAT(ask({{"v.com/c", true}}, {"device=v.com/c=*"}).devices, ElementsAre("v.com/c=one"));
  EXPECT_THAT(ask({{"v.com/c=one", true}}, {"device=v.com/c=two"}).refused, HasSubstr("isn't allowed"));
}

TEST(Devices, AnAliasStandsForAnother) {
  EXPECT_THAT(ask({{"gpu", true}}, {"device=v.com/c=one,alias=gpu"}).devices, ElementsAre("v.com/c=one"));
}

TEST(Devices, ThatTheMachineHasNotGot) {
  EXPECT_THAT(ask({{"v.com/c=three", false}}, {}).devices, IsEmpty());
  EXPECT_THAT(ask({{"v.com/c=three", true}}, {"device"}).refused,
              HasSubstr("the step requires the device \"v.com/c=three\""));
}

TEST(Devices, GiveAStepVariablesGroupsNodesAndMounts) {
  cdi::Registry registry;
  cdi::ContainerEdits edits{
      .env = {"A=new", "B=1"},
      .nodes =
          {{.path = "/dev/x", .host_path = "/dev/null"},
           {.path = "/dev/y", .host_path = "/nothing", .type = 'b', .major = 7, .minor = 1, .mode = 0600}},
      .mounts = {{.host_path = "/h", .container_path = "/c", .options = {"ro"}, .type = ""}},
      .groups = {5}};
  registry.add({.kind = "v/c", .edits = {}, .devices = {{.name = "d", .annotations = {}, .edits = edits}}},
               0, "f");
  graph::ExecOp op;
  op.devices = {{"v/c=d", true}};
  sandbox::ProcessSpec spec{.env = {"A=old"}, .uid = 9};
  const auto added = add_devices(op, registry, spec);
  ASSERT_TRUE(added) << added.error().message();
  EXPECT_THAT(spec.env, ElementsAre("A=new", "B=1"));
  EXPECT_THAT(spec.groups, ElementsAre(5U));
  ASSERT_EQ(spec.devices.size(), 2U);
  EXPECT_EQ(spec.devices[0].type, 'c');
  EXPECT_EQ(spec.devices[0].major, 1U);
  EXPECT_EQ(spec.devices[0].minor, 3U);
  EXPECT_EQ(spec.devices[0].uid, 9U);
  EXPECT_EQ(spec.devices[1].mode, 0600U);
  ASSERT_EQ(spec.mounts.size(), 1U);
  EXPECT_TRUE(std::get<sandbox::Bind>(spec.mounts[0]).read_only);
}

TEST(Devices, WithHooksAreRefused) {
  cdi::Registry registry;
  cdi::Device device{.name = "d", .annotations = {}, .edits = {.unsupported = {"hooks"}}};
  registry.add({.kind = "v/c", .edits = {}, .devices = {device}}, 0, "f");
  graph::ExecOp op;
  op.devices = {{"v/c=d", true}};
  sandbox::ProcessSpec spec;
  const auto added = add_devices(op, registry, spec);
  ASSERT_FALSE(added);
  EXPECT_THAT(added.error().why, HasSubstr("hooks"));
}

}  // namespace
}  // namespace pgstrata::solver
