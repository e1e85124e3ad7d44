#include "container/record.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "container/log.h"
#include "container/monitor.h"
#include "container/runtime.h"
#include "os/file.h"

namespace pgstrata::container {
namespace {

using testing::ElementsAre;

class ContainerRecord : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(root_.data()), nullptr); }
  void TearDown() override { ASSERT_TRUE(os::remove_tree(root_)); }

  Result<Container> make(const std::string& name) {
    Record record;
    record.id = new_id().value();
    record.name = name;
    return create_directory(root_, record);
  }

  std::string root_ = testing::TempDir() + "/containers-XXXXXX";
};

TEST_F(ContainerRecord, ComesBackAsItWas) {
  Record record;
  record.id = new_id().value();
  record.name = "db";
  record.image = "app:1";
  record.manifest = oci::sha256("m");
  record.layers = {oci::sha256("a"), oci::sha256("b")};
  record.process.argv = {"sh"};
  record.labels = {{"a", "b"}};
  record.volumes = {"v"};
  record.ports = {"0.0.0.0:1->2/tcp"};
  record.auto_remove = true;
  record.stop_signal = 2;
  record.stop_timeout = 30;
  ASSERT_TRUE(create_directory(root_, record));
  EXPECT_EQ(find(root_, "db")->record, record);
}

TEST_F(ContainerRecord, IsFoundByNameIdAndABeginning) {
  const Container one = make("one").value();
  ASSERT_TRUE(make("two"));
  EXPECT_EQ(find(root_, one.record.id)->record.name, "one");
  EXPECT_EQ(find(root_, one.record.id.substr(0, 20))->record.name, "one");
  EXPECT_EQ(find(root_, "three").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(find(root_, "").error().kind, ErrorKind::kNotFound);
}

TEST_F(ContainerRecord, ANameIsGivenOnce) {
  ASSERT_TRUE(make("one"));
  EXPECT_EQ(make("one").error().kind, ErrorKind::kUsage);
  EXPECT_FALSE(make("").value().record.name.empty());
}

TEST_F(ContainerRecord, OfALivingMonitorRuns) {
  const Container one = make("one").value();
  ASSERT_TRUE(write_state(one.directory, Running{.monitor = *process_id("self"), .started = "t"}));
  EXPECT_TRUE(std::holds_alternative<Running>(load(one.directory)->state));
}

TEST_F(ContainerRecord, OfADeadMonitorCountsAsKilled) {
  const Container one = make("one").value();
  ProcessId monitor = *process_id("self");
  // Our own pid, but of a process that started at another time, or before a reboot.
  monitor.start_time += 1;
  ASSERT_TRUE(write_state(one.directory, Running{.monitor = monitor, .started = "t"}));
  EXPECT_EQ(load(one.directory)->state, State(Exited{.code = 137, .started = "t"}));
  monitor = *process_id("self");
  monitor.boot_id = "another";
  ASSERT_TRUE(write_state(one.directory, Running{.monitor = monitor, .started = "t"}));
  EXPECT_EQ(load(one.directory)->state, State(Exited{.code = 137, .started = "t"}));
}

TEST_F(ContainerRecord, SweepRemovesWhatShouldHaveRemovedItself) {
  Record record;
  record.id = new_id().value();
  record.name = "gone";
  record.auto_remove = true;
  record.volumes = {"anonymous"};
  const Container gone = create_directory(root_, record).value();
  ASSERT_TRUE(os::make_directories(volumes_directory(root_) + "/anonymous"));
  ASSERT_TRUE(write_state(gone.directory, Exited{.code = 0}));
  const Container kept = make("kept").value();
  ASSERT_TRUE(write_state(kept.directory, Exited{.code = 0}));
  ASSERT_TRUE(os::make_directories(gone.directory + "x.removed/upper"));
  ASSERT_TRUE(sweep(root_));
  EXPECT_FALSE(os::exists(gone.directory));
  EXPECT_FALSE(os::exists(gone.directory + "x.removed"));
  EXPECT_FALSE(os::exists(volumes_directory(root_) + "/anonymous"));
  EXPECT_TRUE(os::exists(kept.directory));
}

TEST_F(ContainerRecord, LogKeepsLinesStreamsAndAnUnfinishedEnd) {
  const std::string path = root_ + "/log";
  LogWriter log(os::open(path, O_WRONLY | O_CREAT | O_APPEND, 0600).value());
  log.add(os::Stream::kStdout, "one\ntw");
  log.add(os::Stream::kStderr, "oops\n");
  log.add(os::Stream::kStdout, "o\nend\xff");
  log.finish();
  std::vector<std::string> lines;
  ASSERT_TRUE(read_log(path, {}, [&](const LogLine& line) {
    lines.push_back((line.stream == os::Stream::kStdout ? "1:" : "2:") + line.text);
    return true;
  }));
  EXPECT_THAT(lines, ElementsAre("1:one\n", "2:oops\n", "1:two\n", "1:end\xEF\xBF\xBD"));
  lines.clear();
  ASSERT_TRUE(read_log(path, {.tail = 1}, [&](const LogLine& line) {
    lines.push_back(line.text);
    return true;
  }));
  EXPECT_THAT(lines, ElementsAre("end\xEF\xBF\xBD"));
}

TEST_F(ContainerRecord, LogCutsLongLines) {
  const std::string path = root_ + "/log";
  LogWriter log(os::open(path, O_WRONLY | O_CREAT | O_APPEND, 0600).value());
  log.add(os::Stream::kStdout, std::string(kLongestLogLine + 5, 'x') + "\n");
  std::vector<std::size_t> sizes;
  ASSERT_TRUE(read_log(path, {}, [&](const LogLine& line) {
    sizes.push_back(line.text.size());
    return true;
  }));
  EXPECT_THAT(sizes, ElementsAre(kLongestLogLine, 6U));
}

TEST(FailureCode, TellsTheProgramsFaultsFromOurs) {
  EXPECT_EQ(
      failure_code("unable to start container process: exec: \"x\": executable file not found in $PATH"),
      127);
  EXPECT_EQ(failure_code("exec: \"/x\": stat /x: no such file or directory"), 127);
  EXPECT_EQ(failure_code("exec: \"/etc/passwd\": permission denied"), 126);
  EXPECT_EQ(failure_code("error mounting \"/nope\": no such file or directory"), 125);
  EXPECT_EQ(failure_code(""), 125);
}

TEST(StartReport, ATornOneMeansThatTheMonitorWasKilled) {
  const StartReport report = report_from_text(to_text({.code = 127, .message = "a\nb"}));
  EXPECT_EQ(report.code, 127);
  EXPECT_EQ(report.message, "a\nb");
  EXPECT_EQ(report_from_text("").code, 125);
}

}  // namespace
}  // namespace pgstrata::container
