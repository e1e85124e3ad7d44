#include "sandbox/launcher.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <thread>

#include "sandbox/test_root.h"

namespace pgstrata::sandbox {
namespace {

using std::chrono::steady_clock;
using std::chrono_literals::operator""ms;

class LauncherTest : public TestRoot {};

/// struct sigaction as the kernel has it.
struct KernelAction {
  sighandler_t handler = SIG_DFL;
  unsigned long rest[3] = {};
};

/// sigaction(2) without the C library, which refuses its own two signals.
KernelAction exchange_action(int signal, const KernelAction& action) {
  KernelAction before;
  EXPECT_EQ(::syscall(SYS_rt_sigaction, signal, &action, &before, 8), 0) << signal;
  return before;
}

TEST_F(LauncherTest, GivesTheExitCode) {
  EXPECT_EQ(exit_code(run(shell("exit 0"))), 0);
  EXPECT_EQ(exit_code(run(shell("exit 42"))), 42);
}

TEST_F(LauncherTest, GivesTheSignalThatKilledTheProgram) {
  // The kernel protects PID 1 from its own signals, also from SIGKILL; a fault is delivered.
  const Outcome outcome = run(program({"/usr/bin/perl", "-e", "unpack('p', pack('J', 8))"}));
  ASSERT_TRUE(std::holds_alternative<Signalled>(outcome.status)) << exit_code(outcome) << outcome.err;
  EXPECT_EQ(std::get<Signalled>(outcome.status).signal, SIGSEGV);
}

TEST_F(LauncherTest, ProgramIsProcessOneAndSeesOnlyItsOwnProcesses) {
  EXPECT_EQ(output(shell("echo $$; echo /proc/[0-9]*")), "1\n/proc/1");
}

TEST_F(LauncherTest, MissingProgramIs127WithTheReasonOnStderr) {
  for (const char* name : {"/no/such", "no-such-program"}) {
    const Outcome outcome = run(program({name}));
    EXPECT_EQ(exit_code(outcome), 127);
    EXPECT_NE(outcome.err.find(name), std::string::npos) << outcome.err;
  }
}

TEST_F(LauncherTest, FileThatIsNoProgramIs126WithTheReasonOnStderr) {
  write("opt/data", "not a program\n");
  Outcome outcome = run(program({"/opt/data"}));
  EXPECT_EQ(exit_code(outcome), 126);
  EXPECT_NE(outcome.err.find("Permission denied"), std::string::npos) << outcome.err;
  ASSERT_EQ(::chmod((root_ + "/opt/data").c_str(), 0755), 0);
  outcome = run(program({"/opt/data"}));
  EXPECT_EQ(exit_code(outcome), 126);
  EXPECT_NE(outcome.err.find("Exec format error"), std::string::npos) << outcome.err;
}

TEST_F(LauncherTest, LooksForTheProgramInThePathOfTheStep) {
  write("opt/a/tool", "#!/bin/sh\necho a\n");  // not executable: passed over
  write("opt/b/tool", "#!/bin/sh\necho b\n");
  ASSERT_EQ(::chmod((root_ + "/opt/b/tool").c_str(), 0755), 0);
  ProcessSpec spec = program({"tool"});
  spec.env = {"PATH=/opt/a:/opt/b"};
  EXPECT_EQ(output(spec), "b");
}

TEST_F(LauncherTest, CreatesTheWorkingDirectoryAndKeepsIt) {
  ProcessSpec spec = shell("pwd; stat -c %a:%u .");
  spec.cwd = "/srv/a/b";
  EXPECT_EQ(output(spec), "/srv/a/b\n755:0");
  EXPECT_TRUE(exists("srv/a/b"));
}

TEST_F(LauncherTest, WorkingDirectoryThatIsAFileIsAnErrorOfTheBuild) {
  write("srv", "a file");
  ProcessSpec spec = shell("true");
  spec.cwd = "/srv";
  Outcome outcome;
  const auto status = try_run(spec, outcome);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::kBuildFailed);
  EXPECT_EQ(status.error().where, "/srv");
}

TEST_F(LauncherTest, EnvironmentIsTheSpecsAlone) {
  ProcessSpec spec = program({"/usr/bin/env"});
  spec.env = {"A=1", "PATH=/bin"};
  EXPECT_EQ(output(spec), "A=1\nPATH=/bin");
}

TEST_F(LauncherTest, StdinIsEmptyAndOtherDescriptorsAreClosed) {
  EXPECT_EQ(output(shell("cat; exec ls /proc/self/fd")), "0\n1\n2\n3");  // 3: ls's own
}

TEST_F(LauncherTest, SignalsMaskAndUmaskAreTheDefaults) {
  // 32 and 33 are the C library's own: CI's starter had them ignored, and sigaction(3) can't undo that.
  const std::array kIgnored = {SIGHUP, SIGINT, SIGPIPE, 32, 33, SIGRTMAX};
  std::array<KernelAction, kIgnored.size()> before{};
  for (std::size_t i = 0; i < kIgnored.size(); ++i) before[i] = exchange_action(kIgnored[i], {SIG_IGN});
  const mode_t mask = ::umask(077);
  const std::string text = output(shell("umask; grep -E '^Sig(Blk|Ign)' /proc/self/status"));
  ::umask(mask);
  for (std::size_t i = 0; i < kIgnored.size(); ++i) exchange_action(kIgnored[i], before[i]);
  EXPECT_EQ(text, "0022\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000");
}

TEST_F(LauncherTest, StreamsAreKeptApartAndInOrder) {
  const Outcome outcome = run(shell("for i in 1 2 3; do echo o$i; echo e$i >&2; done"));
  EXPECT_EQ(outcome.out, "o1\no2\no3\n");
  EXPECT_EQ(outcome.err, "e1\ne2\ne3\n");
}

TEST_F(LauncherTest, OutputArrivesWhileTheProgramRuns) {
  const auto begin = steady_clock::now();
  auto first = begin;
  const auto status =
      system_launcher().run(shell("echo now; sleep 0.5"),
                            [&first](Stream, std::string_view) { first = steady_clock::now(); }, {});
  ASSERT_TRUE(status);
  EXPECT_GT(first, begin);
  EXPECT_GE(steady_clock::now() - first, 300ms);
}

TEST_F(LauncherTest, TenMegabytesArriveWhole) {
  const Outcome outcome = run(shell("seq 1 1500000; echo end >&2"));
  EXPECT_GT(outcome.out.size(), 10U << 20);
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 1500000);
  EXPECT_TRUE(outcome.out.ends_with("\n1499999\n1500000\n"));
  EXPECT_EQ(outcome.err, "end\n");
}

TEST_F(LauncherTest, BackgroundProcessesDieWithTheProgram) {
  const auto begin = steady_clock::now();
  EXPECT_EQ(output(shell("sleep 60 & setsid sleep 60 & echo done")), "done");
  EXPECT_LT(steady_clock::now() - begin, 10000ms);
}

TEST_F(LauncherTest, StopSendsSigtermToTheProgram) {
  std::stop_source source;
  Outcome outcome;
  std::jthread stopper([&source] {
    std::this_thread::sleep_for(300ms);
    source.request_stop();
  });
  const auto begin = steady_clock::now();
  const auto status = try_run(shell("trap 'echo bye; exit 3' TERM; while :; do sleep 0.05; done"), outcome,
                              source.get_token());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(outcome.out, "bye\n");
  EXPECT_LT(steady_clock::now() - begin, 1500ms);
}

TEST_F(LauncherTest, StopKillsWhatIgnoresSigterm) {
  std::stop_source source;
  Outcome outcome;
  std::jthread stopper([&source] {
    std::this_thread::sleep_for(100ms);
    source.request_stop();
  });
  const auto begin = steady_clock::now();
  const auto status = try_run(program({"/bin/sleep", "60"}), outcome, source.get_token());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::kCancelled);
  EXPECT_GE(steady_clock::now() - begin, 2000ms);
  EXPECT_LT(steady_clock::now() - begin, 6000ms);
}

TEST_F(LauncherTest, StopBeforeTheStartStopsToo) {
  std::stop_source source;
  source.request_stop();
  Outcome outcome;
  const auto status =
      try_run(shell("trap 'exit 0' TERM; while :; do sleep 0.05; done"), outcome, source.get_token());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::kCancelled);
}

TEST_F(LauncherTest, SeveralThreadsRunAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kRuns = 25;
  std::vector<int> good(kThreads, 0);
  for (int thread = 0; thread < kThreads; ++thread)
    std::filesystem::copy(
        root_, base_ + "/root" + std::to_string(thread),
        std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread)
      threads.emplace_back([this, thread, &good] {
        for (int i = 0; i < kRuns; ++i) {
          const std::string text = std::to_string(thread) + "." + std::to_string(i);
          Outcome outcome;
          ProcessSpec spec = shell("echo " + text);
          spec.rootfs = base_ + "/root" + std::to_string(thread);
          const auto status = try_run(spec, outcome);
          if (status && outcome.out == text + "\n") ++good[static_cast<size_t>(thread)];
        }
      });
  }
  EXPECT_EQ(good, std::vector<int>(kThreads, kRuns));
}

TEST_F(LauncherTest, MissingRootIsAnError) {
  ProcessSpec spec = shell("true");
  spec.rootfs = base_ + "/nowhere";
  Outcome outcome;
  EXPECT_FALSE(try_run(spec, outcome));
}

}  // namespace
}  // namespace pgstrata::sandbox
