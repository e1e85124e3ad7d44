#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "container/start.h"
#include "filetree/fake_file_tree.h"

namespace pgstrata::container {
namespace {

using testing::Contains;
using testing::ElementsAre;

class PlanProcess : public testing::Test {
 protected:
  PlanProcess() {
    tree_.directory("etc");
    tree_.file("etc/passwd", "root:x:0:0::/root:/bin/sh\npostgres:x:26:27::/var/lib/pgsql:/bin/sh\n");
    tree_.file("etc/group", "postgres:x:27:\nssl:x:30:postgres\n");
    image_.tree = &tree_;
    image_.config.entrypoint = {"entry", "-x"};
    image_.config.cmd = {"default"};
  }
  Process plan() { return plan_process(image_, options_, "host").value(); }

  filetree::FakeFileTree tree_;
  ImageRoot image_;
  RunOptions options_;
};

TEST_F(PlanProcess, EntrypointThenCmd) { EXPECT_THAT(plan().argv, ElementsAre("entry", "-x", "default")); }

TEST_F(PlanProcess, ACommandReplacesCmd) {
  options_.command = {"other"};
  EXPECT_THAT(plan().argv, ElementsAre("entry", "-x", "other"));
}

TEST_F(PlanProcess, AnotherEntrypointDropsCmd) {
  options_.entrypoint = "sh";
  EXPECT_THAT(plan().argv, ElementsAre("sh"));
  options_.entrypoint = "";
  EXPECT_EQ(plan_process(image_, options_, "host").error().kind, ErrorKind::kUsage);
}

TEST_F(PlanProcess, LaterVariablesReplaceEarlierOnes) {
  image_.config.env = {"PATH=/img", "A=1", "B=1"};
  options_.env = {"B=2"};
  EXPECT_THAT(plan().env, ElementsAre("PATH=/img", "HOSTNAME=host", "A=1", "B=2", "HOME=/root"));
}

TEST_F(PlanProcess, TheUserIsTheImagesAndItsGroupsToo) {
  image_.config.user = "postgres";
  const Process process = plan();
  EXPECT_EQ(process.uid, 26U);
  EXPECT_EQ(process.gid, 27U);
  EXPECT_THAT(process.groups, ElementsAre(27U, 30U));
  EXPECT_THAT(process.env, Contains("HOME=/var/lib/pgsql"));
  options_.user = "nobody-here";
  EXPECT_FALSE(plan_process(image_, options_, "host"));
}

TEST_F(PlanProcess, ARelativeWorkingDirectoryIsRefused) {
  EXPECT_EQ(plan().cwd, "/");
  image_.config.working_dir = "/work";
  EXPECT_EQ(plan().cwd, "/work");
  options_.working_dir = "here";
  EXPECT_FALSE(plan_process(image_, options_, "host"));
}

}  // namespace
}  // namespace pgstrata::container
