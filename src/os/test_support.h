// For tests that need the real file system and real mounts.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include "os/file.h"

namespace pgstrata::os::testing {

/// A fresh directory, removed at the end.
class TempDir {
 public:
  TempDir() {
    std::string name = ::testing::TempDir() + "pgstrata-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() { EXPECT_TRUE(os::remove_tree(path_).has_value()); }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// ASSERT_VALUE(x, expression): x is the value; a failed Result ends the test with its message.
#define ASSERT_VALUE(name, ...)                                              \
  auto name##_result = (__VA_ARGS__);                                        \
  ASSERT_TRUE(name##_result.has_value()) << name##_result.error().message(); \
  [[maybe_unused]] auto& name = *name##_result
#define ASSERT_DONE(...)                                       \
  do {                                                         \
    const auto done_ = (__VA_ARGS__);                          \
    ASSERT_TRUE(done_.has_value()) << done_.error().message(); \
  } while (false)

enum class Who { kRoot, kUserNamespace };

/// The id outside that is root inside.
inline constexpr unsigned kOutsideRoot = 100000;

namespace detail {

inline void child_enters(Who who, int ready, int go) {
  const int flags = CLONE_NEWNS | (who == Who::kUserNamespace ? CLONE_NEWUSER : 0);
  if (who == Who::kUserNamespace && (::setresgid(kOutsideRoot, kOutsideRoot, kOutsideRoot) != 0 ||
                                     ::setresuid(kOutsideRoot, kOutsideRoot, kOutsideRoot) != 0))
    ::_exit(90);
  if (::unshare(flags) != 0) ::_exit(91);
  char byte = 0;
  if (::write(ready, &byte, 1) != 1 || ::read(go, &byte, 1) != 1) ::_exit(92);
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) ::_exit(93);
}

inline bool write_map(pid_t pid, const char* file) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + file;
  return os::write_file(path, "0 " + std::to_string(kOutsideRoot) + " 65536\n").has_value();
}

}  // namespace detail

/// Runs `body` in a child with a mount namespace of its own: as root, or as an ordinary user in a user
/// namespace with 65536 ids. Its failed expectations fail this test. Skipped when not run by root.
inline void run_in_namespace(Who who, const std::function<void()>& body) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount";
  int ready[2];
  int go[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(go, O_CLOEXEC), 0);
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    detail::child_enters(who, ready[1], go[0]);
    body();
    std::fflush(nullptr);
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  ::close(ready[1]);
  char byte = 0;
  bool entered = ::read(ready[0], &byte, 1) == 1;
  if (entered && who == Who::kUserNamespace)
    entered = detail::write_map(pid, "gid_map") && detail::write_map(pid, "uid_map");
  if (entered) entered = ::write(go[1], &byte, 1) == 1;
  ::close(go[0]);
  ::close(go[1]);
  ::close(ready[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(entered);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child ended with status " << status;
}

}  // namespace pgstrata::os::testing
