// For tests: a directory as lower, a recorder on it, an overlay above, and a step that works in it.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "os/test_support.h"
#include "trace/recording_lower.h"

namespace pgstrata::trace::testing {

using os::testing::TempDir;
using os::testing::Who;

inline void put(const std::string& path, const std::string& text = "text", ::mode_t mode = 0644) {
  ASSERT_DONE(os::write_file(path, text, mode));
}
inline void make_dir(const std::string& path, ::mode_t mode = 0755) {
  ASSERT_EQ(::mkdir(path.c_str(), mode), 0) << path;
}
inline std::string read(const std::string& path) {
  const auto text = os::read_file(path);
  return text ? *text : "(" + text.error().message() + ")";
}

/// A short form: A(bsent) K(ind) M(eta) C(ontent) T(arget) L(isting) X(attrs) r(ead).
inline std::string letters(filetree::Questions asked) {
  constexpr const char* kLetters = "AKMCTLXr";
  std::string text;
  for (unsigned bit = 0; bit < 8; ++bit)
    if ((asked & (1U << bit)) != 0) text += kLetters[bit];
  return text;
}

class Step {
 public:
  Step(std::string directory, bool rootless) : directory_(std::move(directory)), rootless_(rootless) {
    for (const char* name : {"lower", "fuse", "upper", "work", "root"}) make_dir(at(name));
  }

  [[nodiscard]] std::string at(const std::string& name) const { return directory_ + "/" + name; }
  [[nodiscard]] std::string lower(const std::string& name) const { return at("lower/" + name); }
  [[nodiscard]] std::string root(const std::string& name) const { return at("root/" + name); }
  [[nodiscard]] bool rootless() const { return rootless_; }

  /// From now on: the lower has ACLs.
  void use_acls() { spec_.acls = true; }
  void show_times(decltype(RecordingSpec::shown_mtime) shown) { spec_.shown_mtime = std::move(shown); }
  void mount() {
    spec_.source = at("lower");
    spec_.target = at("fuse");
    auto recorder = RecordingLower::mount(spec_);
    ASSERT_TRUE(recorder.has_value()) << recorder.error().message();
    recorder_.emplace(*std::move(recorder));
    const std::string options =
        fmt::format("lowerdir={},upperdir={},workdir={},redirect_dir=nofollow,metacopy=off,index=off{}",
                    at("fuse"), at("upper"), at("work"), rootless_ ? ",userxattr" : "");
    ASSERT_EQ(::mount("overlay", at("root").c_str(), "overlay", 0, options.c_str()), 0)
        << ::strerrordesc_np(errno);
  }
  Result<filetree::Observations> finish() {
    ::umount2(at("root").c_str(), MNT_DETACH);
    return (*std::exchange(recorder_, std::nullopt)).finish();
  }

  /// One whole step: `body` has the root as its working directory.
  void run(const std::function<void()>& body) {
    ASSERT_NO_FATAL_FAILURE(mount());
    ASSERT_EQ(::chdir(at("root").c_str()), 0);
    body();
    ASSERT_EQ(::chdir("/"), 0);
    auto observations = finish();
    ASSERT_TRUE(observations.has_value()) << observations.error().message();
    seen_ = *std::move(observations);
  }
  /// The exit code of a program that runs with the root as its root directory.
  [[nodiscard]] int exec(const std::vector<std::string>& argv) const {
    std::vector<char*> arguments;
    for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid == 0) {
      if (::chroot(at("root").c_str()) != 0 || ::chdir("/") != 0) ::_exit(120);
      ::execv(arguments[0], arguments.data());
      ::_exit(121);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  /// What the step asked of a path, as letters; "" for nothing.
  [[nodiscard]] std::string asked(const std::string& path) const {
    for (const filetree::Observation& observation : seen_)
      if (observation.path == path) return letters(observation.questions);
    return "";
  }
  [[nodiscard]] const filetree::Observations& seen() const { return seen_; }

 private:
  std::string directory_;
  bool rootless_;
  RecordingSpec spec_;
  std::optional<RecordingLower> recorder_;
  filetree::Observations seen_;
};

/// Runs `body` with a fresh Step, as root or as a plain user. /dev/fuse may be closed to plain users on
/// this machine: in the namespace of the test it is another node of the same device, open to all.
inline void with_step(Who who, const std::function<void(Step&)>& body) {
  const TempDir temp;
  ASSERT_EQ(::chmod(temp.path().c_str(), 0777), 0);
  if (::geteuid() == 0) {
    ASSERT_EQ(::mknod((temp / "device").c_str(), S_IFCHR | 0666, ::makedev(10, 229)), 0);
    ASSERT_EQ(::chmod((temp / "device").c_str(), 0666), 0);
  }
  os::testing::run_in_namespace(who, [&] {
    if (!os::exists("/dev/fuse")) GTEST_SKIP() << "needs /dev/fuse";
    ASSERT_EQ(::mount((temp / "device").c_str(), "/dev/fuse", nullptr, MS_BIND, nullptr), 0);
    ::umask(022);
    Step step(temp.path(), who == Who::kUserNamespace);
    body(step);
  });
}

class Recording : public ::testing::TestWithParam<Who> {
 protected:
  void with_step(const std::function<void(Step&)>& body) const { testing::with_step(GetParam(), body); }
};
inline std::string name_of(const ::testing::TestParamInfo<Who>& who) {
  return who.param == Who::kRoot ? "Root" : "User";
}

}  // namespace pgstrata::trace::testing
