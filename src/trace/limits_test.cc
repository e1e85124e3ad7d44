// Many, long and odd names; few descriptors; and what ends badly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <thread>

#include "trace/test_step.h"

namespace pgstrata::trace {
namespace {

using os::Fd;
using ::testing::HasSubstr;
using testing::make_dir;
using testing::put;
using testing::read;
using testing::Step;
using testing::Who;
using Limits = testing::Recording;

INSTANTIATE_TEST_SUITE_P(As, Limits, ::testing::Values(Who::kRoot, Who::kUserNamespace), testing::name_of);

TEST_P(Limits, AnyName) {
  with_step([](Step& step) {
    const std::vector<std::string> names = {"new\nline", "\xff\xfe", "\"quote'\\,:", " ",
                                            std::string(255, 'l')};
    for (const std::string& name : names) put(step.lower(name));
    step.run([&] {
      for (const std::string& name : names) EXPECT_EQ(read(name), "text") << name;
      EXPECT_EQ(::access(std::string(256, 'x').c_str(), F_OK), -1);
      EXPECT_EQ(errno, ENAMETOOLONG);
    });
    for (const std::string& name : names) EXPECT_THAT(step.asked(name), HasSubstr("C")) << name;
    EXPECT_EQ(step.seen().size(), names.size() + 1);
  });
}

// More levels than descriptors are kept, and a path longer than any system call takes.
TEST_P(Limits, PathsBeyondPathMax) {
  constexpr int kLevels = 120;
  const std::string name(100, 'd');
  with_step([&](Step& step) {
    const auto descend = [&](bool make) {
      for (int i = 0; i < kLevels; ++i) {
        if (make) make_dir(name);
        ASSERT_EQ(::chdir(name.c_str()), 0);
      }
    };
    ASSERT_EQ(::chdir(step.lower("").c_str()), 0);
    descend(true);
    put("bottom");
    step.run([&] {
      descend(false);
      EXPECT_EQ(read("bottom"), "text");
      EXPECT_EQ(::chmod("bottom", 0600), 0);
    });
    std::string path;
    for (int i = 0; i < kLevels; ++i) path += name + "/";
    EXPECT_EQ(step.asked(path + "bottom"), "KMCXr");
  });
}

constexpr int kFiles = 100000;

TEST(LimitsOfRoot, ALargeDirectoryAndManyPathsWithFewDescriptors) {
  testing::with_step(Who::kRoot, [](Step& step) {
    make_dir(step.lower("large"));
    for (int i = 0; i < kFiles; ++i) {
      // Ten files with very many names: fast to make, and as good for look-ups.
      const std::string file = step.lower("large/" + std::to_string(i));
      if (i < 10)
        put(file);
      else
        ASSERT_EQ(::link(step.lower("large/" + std::to_string(i % 10)).c_str(), file.c_str()), 0);
    }
    for (int i = 0; i < 300; ++i) {
      make_dir(step.lower("d" + std::to_string(i)));
      put(step.lower("d" + std::to_string(i) + "/file"), std::to_string(i));
    }
    const rlimit few{.rlim_cur = 1024, .rlim_max = 1024};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    step.run([] {
      EXPECT_EQ(std::distance(std::filesystem::directory_iterator("large"), {}), kFiles);
      for (int i = 0; i < kFiles; ++i) ASSERT_EQ(::access(("large/" + std::to_string(i)).c_str(), F_OK), 0);
      for (int i = 0; i < 300; ++i) {
        const std::string text = std::to_string(i);
        ASSERT_EQ(read("d" + text + "/file"), text);
      }
      for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task"))
        EXPECT_LT(std::distance(std::filesystem::directory_iterator(thread.path() / "fd"), {}), 150);
    });
    EXPECT_EQ(step.seen().size(), 1U + 1 + kFiles + 600);
    EXPECT_TRUE(std::is_sorted(step.seen().begin(), step.seen().end(),
                               [](const auto& a, const auto& b) { return a.path < b.path; }));
  });
}

TEST_P(Limits, ManyAtOnce) {
  with_step([](Step& step) {
    for (int i = 0; i < 50; ++i) {
      make_dir(step.lower(std::to_string(i)));
      for (int j = 0; j < 20; ++j) put(step.lower(fmt::format("{}/{}", i, j)), std::string(5000, 'x'));
    }
    step.run([] {
      std::vector<std::jthread> threads;
      for (int t = 0; t < 4; ++t)
        threads.emplace_back([] {
          for (int i = 0; i < 50; ++i)
            for (int j = 0; j < 20; ++j) EXPECT_EQ(read(fmt::format("{}/{}", i, j)).size(), 5000U);
        });
    });
    EXPECT_EQ(step.seen().size(), 1U + 50 + 1000);
  });
}

// ---- What ends badly.

void expect_broken(Step& step) {
  EXPECT_EQ(::access(step.root("file").c_str(), F_OK), -1);
  EXPECT_EQ(errno, ENOTCONN);
  EXPECT_FALSE(step.finish().has_value());
}

/// The descriptor of `path` (as /proc shows it) in the table of a thread of this process, or -1.
int find_descriptor(const std::string& path, const std::string& thread = "self") {
  std::error_code ignored;  // the thread has ended
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + thread + "/fd", ignored))
    if (std::filesystem::read_symlink(entry, ignored) == path) return std::stoi(entry.path().filename());
  return -1;
}

bool any_thread_has(const std::string& path) {
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task"))
    if (find_descriptor(path, "self/task/" + thread.path().filename().string()) >= 0) return true;
  return false;
}

// As an administrator does it with a server that hangs.
TEST(LimitsOfRoot, AnAbortedConnectionFailsWhoAsksAndTheRecording) {
  testing::with_step(Who::kRoot, [](Step& step) {
    put(step.lower("file"));
    step.mount();
    struct stat status {};
    ASSERT_EQ(::stat(step.at("fuse").c_str(), &status), 0);
    make_dir(step.at("control"));
    if (::mount("none", step.at("control").c_str(), "fusectl", 0, nullptr) != 0)
      GTEST_SKIP() << "no fusectl";
    put(step.at(fmt::format("control/{}/abort", minor(status.st_dev))), "1");
    expect_broken(step);
  });
}

// The threads are told to leave in the middle of a step; the last one closes the connection.
TEST_P(Limits, AServerThatDiesFailsWhoAsksAndTheRecording) {
  with_step([](Step& step) {
    put(step.lower("file"));
    step.mount();
    const std::uint64_t one = 1;
    ASSERT_EQ(::write(find_descriptor("anon_inode:[eventfd]"), &one, sizeof one), 8);
    while (any_thread_has("/dev/fuse")) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    expect_broken(step);
  });
}

// A thread that waits for the server's answer doesn't end when the process is killed; the process must all
// the same. (Where it doesn't, this leaves a process that nothing can end.)
TEST_P(Limits, AProcessThatWaitsForItselfCanBeKilled) {
  with_step([](Step& step) {
    put(step.lower("file"));
    const pid_t child = ::fork();
    if (child == 0) {
      // The question arrives, and is never answered.
      step.show_times([&](std::string_view path, std::int64_t) -> std::int64_t {
        if (path != "file") return 0;
        put(step.at("asked"));
        while (true) ::pause();
      });
      step.mount();
      struct stat status {};
      ::stat(step.at("fuse/file").c_str(), &status);
      ::_exit(0);
    }
    while (!os::exists(step.at("asked"))) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    pid_t ended = 0;
    for (int i = 0; i < 3000 && ended == 0; ++i) {
      ended = ::waitpid(child, nullptr, WNOHANG);
      if (ended == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(ended, child);
  });
}

TEST_P(Limits, FinishingNeverWaitsForWhoStillUsesTheMount) {
  with_step([](Step& step) {
    put(step.lower("file"));
    step.mount();
    const Fd still_open(::open(step.root("file").c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(step.finish().has_value());
    std::array<char, 4> text{};
    EXPECT_EQ(::read(still_open.get(), text.data(), text.size()), -1);
  });
}

// A source that doesn't answer is not recorded as if it had: here a file goes away under the step.
TEST_P(Limits, ASourceThatFailsMakesTheRecordingUnusable) {
  with_step([](Step& step) {
    put(step.lower("file"));
    step.mount();
    EXPECT_EQ(::access(step.root("file").c_str(), F_OK), 0);
    ASSERT_EQ(::unlink(step.lower("file").c_str()), 0);
    struct stat status {};
    EXPECT_EQ(::stat(step.root("file").c_str(), &status), -1);
    const auto seen = step.finish();
    ASSERT_FALSE(seen.has_value());
    EXPECT_THAT(seen.error().message(), HasSubstr("attributes"));
  });
}

TEST_P(Limits, NoDeviceIsToldWithTheRemedy) {
  with_step([](Step& step) {
    ASSERT_EQ(::umount2("/dev/fuse", MNT_DETACH), 0);
    ASSERT_EQ(::mount("none", "/dev", "tmpfs", 0, nullptr), 0);
    const auto missing = RecordingLower::mount({.source = step.at("lower"), .target = step.at("fuse")});
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().kind, ErrorKind::kMachine);
    EXPECT_EQ(missing.error().where, "/dev/fuse");
    EXPECT_THAT(missing.error().next, HasSubstr("modprobe fuse"));
  });
}

TEST(LimitsOfUsers, AClosedDeviceIsToldWithTheRemedy) {
  testing::with_step(Who::kUserNamespace, [](Step& step) {
    ASSERT_EQ(::umount2("/dev/fuse", MNT_DETACH), 0);
    if (::access("/dev/fuse", R_OK | W_OK) == 0) GTEST_SKIP() << "/dev/fuse is open to all on this machine";
    const auto closed = RecordingLower::mount({.source = step.at("lower"), .target = step.at("fuse")});
    ASSERT_FALSE(closed.has_value());
    EXPECT_THAT(closed.error().next, HasSubstr("chmod 0666 /dev/fuse"));
  });
}

}  // namespace
}  // namespace pgstrata::trace
