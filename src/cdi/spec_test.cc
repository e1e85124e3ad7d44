#include "cdi/spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgstrata::cdi {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::string with_edits(const std::string& edits) {
  return R"({"cdiVersion": "0.6.0", "kind": "v.com/c", "devices": [{"name": "d", "containerEdits": )" +
         edits + "}]}";
}

ContainerEdits edits_of(const std::string& edits) {
  const auto spec = Spec::parse(with_edits(edits));
  if (!spec) {
    ADD_FAILURE() << spec.error().message();
    return {};
  }
  return spec->devices.front().edits;
}

std::string why_not(const std::string& json) {
  const auto spec = Spec::parse(json);
  return spec ? "it was accepted" : spec.error().why;
}

TEST(CdiSpec, HasNodesMountsVariablesAndGroups) {
  const ContainerEdits edits = edits_of(R"({
    "env": ["A=b=c"], "additionalGids": [5],
    "deviceNodes": [{"path": "/dev/x", "hostPath": "/dev/null", "type": "u", "major": 1, "minor": 3,
                     "fileMode": 384, "permissions": "rw", "uid": 7, "gid": 8}, {"path": "/dev/y"}],
    "mounts": [{"hostPath": "/a", "containerPath": "/b", "options": ["ro"], "type": "bind"}]})");
  EXPECT_THAT(edits.env, ElementsAre("A=b=c"));
  EXPECT_THAT(edits.groups, ElementsAre(5U));
  ASSERT_EQ(edits.nodes.size(), 2U);
  EXPECT_EQ(edits.nodes[0].host_path, "/dev/null");
  EXPECT_EQ(edits.nodes[0].type, 'c') << "an unbuffered one is a character device";
  EXPECT_EQ(edits.nodes[0].minor, 3U);
  EXPECT_EQ(edits.nodes[0].mode, 0600U);
  EXPECT_EQ(edits.nodes[0].uid, 7U);
  EXPECT_EQ(edits.nodes[1].type, 0);
  EXPECT_EQ(edits.nodes[1].mode, std::nullopt);
  ASSERT_EQ(edits.mounts.size(), 1U);
  EXPECT_THAT(edits.mounts[0].options, ElementsAre("ro"));
  EXPECT_TRUE(edits.unsupported.empty());
}

TEST(CdiSpec, WhatCantBeDoneIsNamed) {
  EXPECT_THAT(
      edits_of(R"({"env": ["A=b"], "hooks": [{"path": "/x"}], "netDevices": [], "newer": {"a": 1}})")
          .unsupported,
      ElementsAre("hooks", "newer"));
}

TEST(CdiSpec, AnnotationsOfTheSpecificationAreItsDevices) {
  const auto spec =
      Spec::parse(R"({"cdiVersion": "v1.0.0", "kind": "v/c", "annotations": {"a": "1", "b": "2"},
    "devices": [{"name": "x:0", "annotations": {"a": "own"}, "containerEdits": {"env": ["A=b"]}}]})");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_THAT(spec->devices[0].annotations, ElementsAre(Pair("a", "own"), Pair("b", "2")));
}

TEST(CdiSpec, SaysWhatIsWrong) {
  EXPECT_THAT(why_not("x"), HasSubstr("isn't JSON"));
  EXPECT_THAT(why_not(R"({"cdiVersion": "2.0.0", "kind": "v/c"})"), HasSubstr("unknown cdiVersion"));
  EXPECT_THAT(why_not(R"({"cdiVersion": "1.0.0", "kind": "9/c"})"), HasSubstr("isn't VENDOR/CLASS"));
  EXPECT_THAT(why_not(R"({"cdiVersion": "1.0.0", "kind": "v/c"})"), HasSubstr("no devices"));
  EXPECT_THAT(why_not(with_edits("{}")), HasSubstr("has no containerEdits"));
  EXPECT_THAT(why_not(with_edits(R"({"env": ["=x"]})")), HasSubstr("is no variable"));
  EXPECT_THAT(why_not(with_edits(R"({"env": "x"})")), HasSubstr("wrong type"));
  EXPECT_THAT(why_not(with_edits(R"({"deviceNodes": [{}]})")), HasSubstr("without a path"));
  EXPECT_THAT(why_not(with_edits(R"({"deviceNodes": [{"path": "/x", "type": "z"}]})")),
              HasSubstr("has the type"));
  EXPECT_THAT(why_not(with_edits(R"({"deviceNodes": [{"path": "/x", "uid": -5}]})")),
              HasSubstr("out of range"));
  EXPECT_THAT(why_not(with_edits(R"({"mounts": [{"hostPath": "/x"}]})")), HasSubstr("containerPath"));
  EXPECT_THAT(why_not(with_edits(R"({"additionalGids": [-1]})")), HasSubstr("no group"));
  EXPECT_THAT(why_not(R"({"cdiVersion": "1.0.0", "kind": "v/c", "devices": [{"name": "a b"}]})"),
              HasSubstr("no name of a device"));
  EXPECT_THAT(why_not(R"({"cdiVersion": "1.0.0", "kind": "v/c", "devices": [
      {"name": "d", "containerEdits": {"env": ["A=b"]}}, {"name": "d", "containerEdits": {"env": ["A=b"]}}]})"),
              HasSubstr("two devices"));
}

}  // namespace
}  // namespace pgstrata::cdi
