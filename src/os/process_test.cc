#include "os/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "os/fd.h"
#include "os/file.h"

namespace pgstrata::os {
namespace {

using std::chrono::steady_clock;
using testing::ElementsAre;

Command shell(std::string script) {
  return {.argv = {"sh", "-c", std::move(script)}, .env = {"PATH=/usr/bin:/bin"}};
}

TEST(Process, KeepsTheStreamsApartAndReportsTheExitCode) {
  const auto result = capture(shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->out, "out\n");
  EXPECT_EQ(result->err, "err\n");
  EXPECT_EQ(result->status, ExitStatus{Exited{3}});
  EXPECT_FALSE(succeeded(result->status));
  EXPECT_EQ(describe(result->status), "exit code 3");
}

TEST(Process, ReportsASignal) {
  const auto result = capture(shell("kill -9 $$"));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, ExitStatus{Signalled{9}});
  EXPECT_EQ(describe(result->status), "killed by signal 9 (Killed)");
}

TEST(Process, GivesInputEnvironmentAndDirectory) {
  Command command = shell("cat; echo \"$NAME\"; pwd; env | grep -c '^HOME='");
  command.env.emplace_back("NAME=a b");
  command.input = "given\n";
  command.cwd = "/usr";
  const auto result = capture(command);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->out, "given\na b\n/usr\n0\n");
}

TEST(Process, StdinIsEmptyByDefault) {
  const auto result = capture(shell("wc -c"));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->out, "0\n");
}

TEST(Process, InheritsNothingButTheThreeStreams) {
  const Fd left_open(
      ::open("/dev/null", O_RDONLY));  // without O_CLOEXEC, as our own caller may have left it
  const auto result = capture(shell("exec ls /proc/self/fd"));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->out, "0\n1\n2\n3\n");  // 3: ls's own
}

TEST(Process, LosesNothingOfLongOutput) {
  const auto result = capture(shell("head -c 3000000 /dev/zero; head -c 1000000 /dev/zero >&2"));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->out.size(), 3000000U);
  EXPECT_EQ(result->err.size(), 1000000U);
}

TEST(Process, WritesStdoutToAGivenDescriptor) {
  Fd file(::memfd_create("out", 0));
  Command command = shell("echo there; echo here >&2");
  command.stdout_fd = file.get();
  const auto result = capture(command);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->out, "");
  EXPECT_EQ(result->err, "here\n");
  ::lseek(file.get(), 0, SEEK_SET);
  EXPECT_EQ(read_all(file.get(), "out").value(), "there\n");
}

TEST(Process, SaysWhichProgramIsMissing) {
  const auto result = capture({.argv = {"no-such-program-here"}, .env = {"PATH=/usr/bin"}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(result.error().where, "no-such-program-here");
}

TEST(Process, SaysWhyItCannotBeStarted) {
  const auto result = capture({.argv = {"/etc/passwd"}, .env = {}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kIo);
  EXPECT_EQ(result.error().why, "Permission denied");
}

bool is_gone(pid_t pid) {
  for (int i = 0; i < 200; ++i) {
    if (::kill(pid, 0) != 0) return true;
    const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    if (!stat || stat->find(") Z ") != std::string::npos)
      return true;  // dead, its new parent has yet to reap it
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

TEST(Process, LeavesNothingBehindInItsGroup) {
  const auto start = steady_clock::now();
  const auto result = capture(shell("sleep 60 & echo $!"));
  ASSERT_TRUE(result);
  EXPECT_TRUE(is_gone(std::stoi(result->out)));
  EXPECT_LT(steady_clock::now() - start,
            std::chrono::seconds(10));  // didn't wait for sleep's end of the pipe
}

TEST(Process, StopsPolitelyFirst) {
  std::stop_source stop;
  std::string out;
  const auto result = run(
      shell("trap 'echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.01; done"),
      [&](Stream stream, std::string_view text) {
        // The signal is for sleep as well, and the shell may tell so on the other stream.
        if (stream == Stream::kStdout) out += text;
        if (out.find("ready") != std::string::npos) stop.request_stop();
      },
      stop.get_token());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(out, "ready\ncleaned\n");
}

TEST(Process, KillsTheWholeGroupWhenPolitenessDoesNotHelp) {
  std::stop_source stop;
  std::string out;
  Command command = shell("trap '' TERM; sleep 60 & echo $!; wait; sleep 60");
  command.grace = std::chrono::milliseconds(50);
  const auto start = steady_clock::now();
  const auto result = run(
      command,
      [&](Stream, std::string_view text) {
        out += text;
        stop.request_stop();
      },
      stop.get_token());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kCancelled);
  EXPECT_TRUE(is_gone(std::stoi(out)));
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(10));
}

TEST(Process, DoesNotStartWhenAlreadyStopped) {
  std::stop_source stop;
  stop.request_stop();
  std::string out;
  const auto result = run(
      shell("echo ran"), [&](Stream, std::string_view text) { out += text; }, stop.get_token());
  ASSERT_FALSE(result);
  EXPECT_EQ(out, "");
}

TEST(Process, FindsOnlyExecutableFiles) {
  EXPECT_EQ(find_program("sh", "/nowhere:/bin"), "/bin/sh");
  EXPECT_EQ(find_program("passwd", "/etc"), "");
  EXPECT_EQ(find_program("bin", "/"), "");
}

TEST(Process, ReplacesVariablesOfTheEnvironment) {
  ::setenv("PGSTRATA_TEST_VARIABLE", "old", 1);
  const auto env = environment_with({{"PGSTRATA_TEST_VARIABLE", "new"}});
  EXPECT_EQ(std::count(env.begin(), env.end(), "PGSTRATA_TEST_VARIABLE=new"), 1);
  EXPECT_EQ(std::count(env.begin(), env.end(), "PGSTRATA_TEST_VARIABLE=old"), 0);
  ::unsetenv("PGSTRATA_TEST_VARIABLE");
}

TEST(LineSplitter, JoinsPiecesIntoLines) {
  std::vector<std::string> lines;
  LineSplitter splitter([&](std::string_view line) { lines.emplace_back(line); });
  splitter.add("a");
  splitter.add("b\r\n\nc");
  EXPECT_THAT(lines, ElementsAre("ab", ""));
  splitter.finish();
  splitter.finish();
  EXPECT_THAT(lines, ElementsAre("ab", "", "c"));
}

}  // namespace
}  // namespace pgstrata::os
