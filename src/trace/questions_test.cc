// Each question that a step can ask, and that it isn't taken for a greater one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include <array>
#include <cstring>
#include <filesystem>

#include "trace/test_step.h"

namespace pgstrata::trace {
namespace {

using os::Fd;
using testing::make_dir;
using testing::put;
using testing::read;
using testing::Step;
using testing::Who;
using Questions = testing::Recording;

INSTANTIATE_TEST_SUITE_P(As, Questions, ::testing::Values(Who::kRoot, Who::kUserNamespace),
                         testing::name_of);

struct stat stat_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status;
}
Fd open_file(const std::string& path, int flags) {
  Fd fd(::open(path.c_str(), flags | O_CLOEXEC));
  EXPECT_TRUE(fd) << path << ": " << ::strerrordesc_np(errno);
  return fd;
}

TEST_P(Questions, WalkingAsksForKinds) {
  with_step([](Step& step) {
    make_dir(step.lower("a"));
    make_dir(step.lower("a/b"));
    put(step.lower("a/b/file"));
    put(step.lower("a/b/beside"));
    step.run([] {
      EXPECT_EQ(::access("a/b/file", R_OK), 0);
      EXPECT_EQ(::chdir("a/b"), 0);
      EXPECT_NE(::mkdir("../b", 0755), 0);
    });
    EXPECT_EQ(step.asked("a"), "K");
    EXPECT_EQ(step.asked("a/b"), "K");
    EXPECT_EQ(step.asked("a/b/file"), "K");
    EXPECT_EQ(step.asked("a/b/beside"), "");
    EXPECT_EQ(step.asked(""), "KX") << "always";
  });
}

TEST_P(Questions, WhatIsNotThereIsAbsent) {
  with_step([](Step& step) {
    make_dir(step.lower("d"));
    step.run([] {
      EXPECT_NE(::access("d/missing", F_OK), 0);
      EXPECT_NE(::access("missing/below", F_OK), 0);
      put("d/new");
      make_dir("d/dir");
      put("d/dir/in-what-is-new");
      EXPECT_EQ(::symlink("x", "link"), 0);
    });
    for (const char* path : {"d/missing", "missing", "d/new", "d/dir", "link"})
      EXPECT_EQ(step.asked(path), "A") << path;
    EXPECT_EQ(step.asked("missing/below"), "");
    EXPECT_EQ(step.asked("d/dir/in-what-is-new"), "");
  });
}

TEST_P(Questions, StatAsksForWhatTimesDependOn) {
  with_step([](Step& step) {
    make_dir(step.lower("dir"));
    put(step.lower("dir/file"));
    ASSERT_EQ(::symlink("dir/file", step.lower("link").c_str()), 0);
    ASSERT_EQ(::mkfifo(step.lower("fifo").c_str(), 0600), 0);
    step.run([] {
      for (const char* path : {"dir", "link", "fifo"}) stat_of(path);
      EXPECT_EQ(stat_of("dir/file").st_size, 4);
    });
    EXPECT_EQ(step.asked("dir"), "KML");
    EXPECT_EQ(step.asked("dir/file"), "KMC");
    EXPECT_EQ(step.asked("link"), "KMT");
    EXPECT_EQ(step.asked("fifo"), "KM");
  });
}

TEST_P(Questions, StatOfAFileSaysNothingOfItsDirectories) {
  with_step([](Step& step) {
    make_dir(step.lower("a"));
    make_dir(step.lower("a/b"));
    put(step.lower("a/b/file"));
    step.run([] { stat_of("a/b/file"); });
    EXPECT_EQ(step.asked("a"), "K");
    EXPECT_EQ(step.asked("a/b"), "K");
  });
}

TEST_P(Questions, ShowsWhatTheSourceShows) {
  with_step([](Step& step) {
    put(step.lower("file"), "twelve bytes");
    ASSERT_EQ(::chown(step.lower("file").c_str(), 12, 34), 0);
    ASSERT_EQ(::chmod(step.lower("file").c_str(), 04751), 0);
    make_dir(step.lower("dir"), 01775);
    ASSERT_EQ(::chmod(step.lower("dir").c_str(), 01775), 0);
    make_dir(step.lower("dir/sub"));
    for (const char* name : {"file", "dir"}) {
      const timespec times[2] = {{1000, 1}, {1234567890, 987654321}};
      ASSERT_EQ(::utimensat(AT_FDCWD, step.lower(name).c_str(), times, 0), 0);
    }
    const struct stat below = stat_of(step.lower("file"));
    step.run([&] {
      const struct stat file = stat_of("file");
      EXPECT_EQ(file.st_mode, below.st_mode);
      EXPECT_EQ(file.st_uid, 12U);
      EXPECT_EQ(file.st_gid, 34U);
      EXPECT_EQ(file.st_size, 12);
      EXPECT_EQ(file.st_blocks, below.st_blocks);
      EXPECT_EQ(file.st_nlink, 1U);
      EXPECT_EQ(file.st_mtim.tv_sec, 1234567890);
      EXPECT_EQ(file.st_mtim.tv_nsec, 987654321);
      const struct stat directory = stat_of("dir");
      EXPECT_EQ(directory.st_mode, S_IFDIR | 01775U);
      EXPECT_EQ(directory.st_mtim.tv_sec, 1234567890);
      EXPECT_EQ(directory.st_mtim.tv_nsec, 987654321);
      EXPECT_EQ(directory.st_nlink, 1U) << "the number of directories in it";
    });
  });
}

TEST_P(Questions, ShowsOtherTimesWhereItIsToldTo) {
  with_step([](Step& step) {
    make_dir(step.lower("d"));
    for (const char* name : {"d/shifted", "d/copied", "d/kept"}) {
      put(step.lower(name));
      const timespec times[2] = {{0, 0}, {1234567890, 5}};
      ASSERT_EQ(::utimensat(AT_FDCWD, step.lower(name).c_str(), times, 0), 0);
    }
    step.show_times([](std::string_view path, std::int64_t time) {
      return path == "d/shifted" || path == "d/copied" ? -1 - time : time;
    });
    step.run([] {
      EXPECT_EQ(stat_of("d/kept").st_mtim.tv_sec, 1234567890);
      EXPECT_EQ(::chmod("d/copied", 0600), 0);
      for (const char* path : {"d/shifted", "d/copied", "d/shifted"}) {
        EXPECT_EQ(stat_of(path).st_mtim.tv_sec, -1234567891);
        EXPECT_EQ(stat_of(path).st_mtim.tv_nsec, 999999994);
      }
    });
  });
}

// Who asks for what the kernel has in mind anyway is told what a look-up tells, no more.
TEST_P(Questions, CachedAttributesTellNoMoreThanTheKind) {
  with_step([](Step& step) {
    put(step.lower("file"));
    make_dir(step.lower("dir"));
    step.run([] {
      for (const char* path : {"file", "dir"}) {
        struct statx status {};
        ASSERT_EQ(::statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &status), 0);
        EXPECT_EQ(status.stx_mtime.tv_sec, 0);
        EXPECT_EQ(status.stx_ctime.tv_sec, 0);
        ASSERT_EQ(::statx(AT_FDCWD, path, 0, 0, &status), 0);
        EXPECT_EQ(status.stx_mtime.tv_sec, 0);
      }
    });
    EXPECT_EQ(step.asked("file"), "K");
    EXPECT_EQ(step.asked("dir"), "K");
  });
}

TEST_P(Questions, BirthTimesAreNotKnown) {
  with_step([](Step& step) {
    put(step.lower("file"));
    step.run([] {
      struct statx status {};
      ASSERT_EQ(::statx(AT_FDCWD, "file", 0, STATX_ALL, &status), 0);
      EXPECT_EQ(status.stx_mask & STATX_BTIME, 0U);
      EXPECT_EQ(status.stx_size, 4U);
    });
    EXPECT_EQ(step.asked("file"), "KMC");
  });
}

TEST_P(Questions, ReadingAsksForTheContent) {
  with_step([](Step& step) {
    for (const char* name : {"read", "pread", "mapped", "sent", "direct", "refused", "opened"})
      put(step.lower(name));
    step.run([] {
      std::array<char, 8> text{};
      EXPECT_EQ(::read(open_file("read", O_RDONLY).get(), text.data(), text.size()), 4);
      EXPECT_EQ(::pread(open_file("pread", O_RDONLY).get(), text.data(), 1, 3), 1);
      const Fd mapped = open_file("mapped", O_RDONLY);
      void* memory = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, mapped.get(), 0);
      ASSERT_NE(memory, MAP_FAILED);
      EXPECT_EQ(std::memcmp(memory, "text", 4), 0);
      ::munmap(memory, 4096);
      const Fd out = open_file("/dev/null", O_WRONLY);
      EXPECT_EQ(::sendfile(out.get(), open_file("sent", O_RDONLY).get(), nullptr, 100), 4);
      alignas(4096) std::array<char, 4096> page{};
      EXPECT_EQ(::read(open_file("direct", O_RDONLY | O_DIRECT).get(), page.data(), page.size()), 4);
      // Two file systems for the kernel, so it refuses; programs then read.
      const Fd copy(::open("copy", O_RDWR | O_CREAT | O_CLOEXEC, 0644));
      EXPECT_EQ(
          ::copy_file_range(open_file("refused", O_RDONLY).get(), nullptr, copy.get(), nullptr, 100, 0),
          -1);
      EXPECT_EQ(errno, EXDEV);
      open_file("opened", O_RDONLY);
    });
    for (const char* name : {"read", "pread", "mapped", "sent", "direct"})
      EXPECT_THAT(step.asked(name), ::testing::HasSubstr("C")) << name;
    EXPECT_EQ(step.asked("mapped"), "KCr");
    EXPECT_EQ(step.asked("sent"), "KCr");
    EXPECT_EQ(step.asked("opened"), "K");
    EXPECT_EQ(step.asked("refused"), "K");
  });
}

// These tell the size, or that there is none, without a question: it belongs to the kind.
TEST_P(Questions, SizesAreSeenWithoutAsking) {
  with_step([](Step& step) {
    put(step.lower("empty"), "");
    put(step.lower("full"), "text");
    step.run([] {
      const Fd out = open_file("/dev/null", O_WRONLY);
      EXPECT_EQ(::sendfile(out.get(), open_file("empty", O_RDONLY).get(), nullptr, 100), 0);
      int pipe[2];
      ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
      EXPECT_EQ(
          ::splice(open_file("empty", O_RDONLY).get(), nullptr, pipe[1], nullptr, 100, SPLICE_F_NONBLOCK),
          0);
      const Fd full = open_file("full", O_RDONLY);
      off_t behind = 100;
      EXPECT_EQ(::sendfile(out.get(), full.get(), &behind, 100), 0);
      int size = 0;
      EXPECT_EQ(::ioctl(full.get(), FIONREAD, &size), 0);
      EXPECT_EQ(size, 4);
    });
    EXPECT_EQ(step.asked("empty"), "K");
    EXPECT_EQ(step.asked("full"), "K");
  });
}

TEST_P(Questions, LinksAreAskedForTheirTargets) {
  with_step([](Step& step) {
    put(step.lower("file"));
    ASSERT_EQ(::symlink("file", step.lower("followed").c_str()), 0);
    ASSERT_EQ(::symlink("nowhere", step.lower("read").c_str()), 0);
    ASSERT_EQ(::symlink("file", step.lower("removed").c_str()), 0);
    step.run([] {
      EXPECT_EQ(read("followed"), "text");
      EXPECT_EQ(read("followed"), "text");
      std::array<char, 64> target{};
      EXPECT_EQ(::readlink("read", target.data(), target.size()), 7);
      EXPECT_EQ(std::string(target.data()), "nowhere");
      EXPECT_EQ(::unlink("removed"), 0);
    });
    EXPECT_EQ(step.asked("followed"), "KTr");
    EXPECT_THAT(step.asked("file"), ::testing::HasSubstr("C"));
    EXPECT_EQ(step.asked("read"), "KTr");
    EXPECT_EQ(step.asked("nowhere"), "");
    EXPECT_EQ(step.asked("removed"), "K");
  });
}

TEST_P(Questions, ListingsAreOfNamesAndInTheirOrder) {
  with_step([](Step& step) {
    make_dir(step.lower("d"));
    for (const char* name : {"d/m", "d/z", "d/a"}) put(step.lower(name));
    make_dir(step.lower("d/sub"));
    make_dir(step.lower("emptied"));
    step.run([] {
      std::vector<std::string> names;
      for (const auto& entry : std::filesystem::directory_iterator("d"))
        names.push_back(entry.path().filename().string() + (entry.is_directory() ? "/" : ""));
      EXPECT_THAT(names, ::testing::ElementsAre("a", "m", "sub/", "z"));
      EXPECT_EQ(::rmdir("emptied"), 0) << "looks whether it is empty";
    });
    EXPECT_EQ(step.asked("d"), "KMLr") << "opendir() of the C library also calls fstat";
    EXPECT_EQ(step.asked("d/a"), "");
    EXPECT_EQ(step.asked("emptied"), "KLr");
  });
}

TEST_P(Questions, OpeningADirectoryToSyncItAsksForNothing) {
  with_step([](Step& step) {
    make_dir(step.lower("d"));
    put(step.lower("d/x"));
    step.run([] { EXPECT_EQ(::fsync(open_file("d", O_RDONLY | O_DIRECTORY).get()), 0); });
    EXPECT_EQ(step.asked("d"), "K");
  });
}

TEST_P(Questions, AttributesAndCapabilities) {
  const std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  with_step([&](Step& step) {
    for (const char* name : {"got", "listed", "missing", "capable"}) put(step.lower(name));
    ASSERT_EQ(::setxattr(step.lower("got").c_str(), "user.a", "value", 5, 0), 0);
    ASSERT_EQ(::setxattr(step.lower("listed").c_str(), "user.b", "", 0, 0), 0);
    ASSERT_EQ(::setxattr(step.lower("capable").c_str(), "security.capability", capability.data(), 20, 0),
              0);
    step.run([&] {
      std::array<char, 64> value{};
      EXPECT_EQ(::getxattr("got", "user.a", nullptr, 0), 5);
      EXPECT_EQ(::getxattr("got", "user.a", value.data(), 2), -1);
      EXPECT_EQ(errno, ERANGE);
      EXPECT_EQ(::getxattr("got", "user.a", value.data(), value.size()), 5);
      EXPECT_EQ(std::string(value.data()), "value");
      EXPECT_EQ(::getxattr("missing", "user.a", value.data(), value.size()), -1);
      EXPECT_EQ(errno, ENODATA);
      EXPECT_EQ(::listxattr("listed", value.data(), value.size()), 7);
      EXPECT_EQ(std::string(value.data()), "user.b");
      EXPECT_EQ(::getxattr("capable", "security.capability", value.data(), value.size()), 20);
      EXPECT_EQ(std::memcmp(value.data(), capability.data(), 20), 0);
      EXPECT_EQ(::chmod("capable", 0700), 0);
      EXPECT_EQ(::getxattr("capable", "security.capability", value.data(), value.size()), 20)
          << "copied up";
    });
    for (const char* name : {"got", "listed", "missing"}) EXPECT_EQ(step.asked(name), "KX") << name;
    EXPECT_EQ(step.asked("capable"), "KMCXr");
  });
}

// A layer's own marks have been obeyed by whoever merged it; another overlay must not obey them again.
TEST_P(Questions, OverlaysOwnMarksAreHidden) {
  with_step([](Step& step) {
    const std::string mark = step.rootless() ? "user.overlay.opaque" : "trusted.overlay.opaque";
    make_dir(step.lower("d"));
    put(step.lower("d/x"));
    ASSERT_EQ(::setxattr(step.lower("d").c_str(), mark.c_str(), "y", 1, 0), 0);
    ASSERT_EQ(::setxattr(step.lower("d/x").c_str(), "user.overlay.other", "y", 1, 0), 0);
    ASSERT_EQ(::mknod(step.lower("d/zero").c_str(), S_IFCHR, 0), 0);
    step.run([&] {
      std::array<char, 64> value{};
      EXPECT_EQ(::listxattr("d/x", value.data(), value.size()), 0);
      EXPECT_EQ(::getxattr("d/x", "user.overlay.other", value.data(), value.size()), -1);
      EXPECT_EQ(::getxattr("d", mark.c_str(), value.data(), value.size()), -1);
      EXPECT_NE(::access("d/zero", F_OK), 0);
      EXPECT_EQ(std::distance(std::filesystem::directory_iterator("d"), {}), 1);
      EXPECT_EQ(::chmod("d/x", 0600), 0);
      EXPECT_EQ(read("d/x"), "text");
    });
    EXPECT_EQ(step.asked("d/zero"), "A");
  });
}

TEST_P(Questions, TheFileSystemItselfIsAskedForNothing) {
  with_step([](Step& step) {
    make_dir(step.lower("d"));
    step.run([] {
      struct statvfs status {};
      EXPECT_EQ(::statvfs("d", &status), 0);
      EXPECT_EQ(status.f_namemax, 255U);
    });
    EXPECT_EQ(step.asked("d"), "K");
    EXPECT_EQ(step.seen().size(), 2U);
  });
}

}  // namespace
}  // namespace pgstrata::trace
