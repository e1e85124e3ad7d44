// kill -9 of the caller: nothing runs on, nothing stays mounted.
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <thread>

#include "sandbox/test_root.h"

namespace pgstrata::sandbox {
namespace {

using std::chrono_literals::operator""ms;

class CleanupTest : public TestRoot {
 protected:
  static std::string slurp(const std::string& path) {
    std::ifstream file(path);
    return {(std::istreambuf_iterator<char>(file)), {}};
  }
  /// True if any process has `text` in the named file of its /proc directory.
  static bool any_process_has(const std::string& file, const std::string& text) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error))
      if (slurp(entry.path().string() + "/" + file).find(text) != std::string::npos) return true;
    return false;
  }
  template <class Condition>
  static bool eventually(Condition condition) {
    for (int i = 0; i < 500; ++i, std::this_thread::sleep_for(10ms))
      if (condition()) return true;
    return false;
  }
  /// Runs `spec` in a process, waits for a process with `marker` in its command line, kills the first one.
  void kill_caller_of(const ProcessSpec& spec, const std::string& marker) {
    const pid_t caller = ::fork();
    if (caller == 0) {
      static_cast<void>(system_launcher().run(spec, [](Stream, std::string_view) {}, {}).has_value());
      ::_exit(0);
    }
    ASSERT_TRUE(eventually([&marker] { return any_process_has("cmdline", marker); }));
    ASSERT_TRUE(any_process_has("mountinfo", "/root / "));  // the sandbox's, seen by its processes
    ASSERT_EQ(::kill(caller, SIGKILL), 0);
    ::waitpid(caller, nullptr, 0);
    EXPECT_TRUE(eventually([&marker] { return !any_process_has("cmdline", marker); }));
    // The outer process, whose command line is ours, may end a moment after the program it watched over.
    EXPECT_TRUE(eventually([this] { return !any_process_has("mountinfo", base_); }));
  }
};

TEST_F(CleanupTest, KilledCallerLeavesNoProcess) {
  kill_caller_of(shell("sleep 987.125 & setsid sleep 987.125 & wait"), "987.125");
}

// Executing a setuid program clears PR_SET_PDEATHSIG: this is why there is an outer process.
TEST_F(CleanupTest, KilledCallerLeavesNoSetuidProgram) {
  if (missing_ids()) GTEST_SKIP() << "needs more than one user id: " << missing_ids()->message();
  copy("/usr/bin/sleep", "opt/sleep", 04755);
  kill_caller_of(as_user(program({"/opt/sleep", "986.125"})), "986.125");
}

TEST_F(CleanupTest, NothingIsMountedAfterwards) {
  output(shell("true"));
  EXPECT_EQ(slurp("/proc/self/mountinfo").find(base_), std::string::npos);
  EXPECT_FALSE(any_process_has("mountinfo", base_));
}

TEST_F(CleanupTest, DescriptorsAreClosedAfterwards) {
  const auto count = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                         std::filesystem::directory_iterator());
  };
  output(shell("true"));
  const auto before = count();
  for (int i = 0; i < 5; ++i) output(shell("true"));
  ProcessSpec broken = shell("true");
  broken.rootfs += "/missing";
  Outcome outcome;
  EXPECT_FALSE(try_run(broken, outcome));
  EXPECT_EQ(count(), before);
}

}  // namespace
}  // namespace pgstrata::sandbox
