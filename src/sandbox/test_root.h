// A small root file system for the sandbox's tests: directories of its own, the machine's /usr bound
// read-only by each run. Files that must be root's (setuid programs) are copied in.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sandbox/launcher.h"
#include "sandbox/user_namespace.h"

namespace pgstrata::sandbox {

/// What a program left behind.
struct Outcome {
  ExitStatus status = Exited{-1};
  bool looked_up_names = false;
  std::string out;
  std::string err;
};

class TestRoot : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto entered = enter_namespaces();
    ASSERT_TRUE(entered) << entered.error().message() << "\n" << entered.error().next;
    std::string pattern = "/tmp/pgstrata-sandbox-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    ::chmod(pattern.c_str(), 0755);
    base_ = pattern;
    root_ = base_ + "/root";
    for (const char* dir : {"usr", "etc", "tmp", "root", "opt"})
      std::filesystem::create_directories(root_ + "/" + dir);
    for (const char* name : {"bin", "sbin", "lib", "lib32", "lib64"})
      std::filesystem::create_symlink(std::string("usr/") + name, root_ + "/" + name);
    ::chmod((root_ + "/tmp").c_str(), 01777);
    write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nplain:x:1000:1000::/tmp:/bin/sh\n");
    write("etc/group", "root:x:0:\nplain:x:1000:\nextra:x:2000:plain\n");
    write("etc/shadow", "root:*:19000:0:99999:7:::\nplain:*:19000:0:99999:7:::\n");
    write("etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\n");
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(base_, ignored);
  }

  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root_ + "/" + path).parent_path());
    std::ofstream(root_ + "/" + path) << text;
  }
  /// Copies a file of the machine, so that it belongs to the sandbox's root.
  void copy(const std::string& from, const std::string& path, mode_t mode = 0755) const {
    std::filesystem::create_directories(std::filesystem::path(root_ + "/" + path).parent_path());
    std::filesystem::copy_file(from, root_ + "/" + path);
    ASSERT_EQ(::chmod((root_ + "/" + path).c_str(), mode), 0);
  }
  [[nodiscard]] bool exists(const std::string& path) const {
    return std::filesystem::exists(std::filesystem::symlink_status(root_ + "/" + path));
  }

  [[nodiscard]] ProcessSpec program(std::vector<std::string> argv) const {
    ProcessSpec spec;
    spec.rootfs = root_;
    spec.argv = std::move(argv);
    spec.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
    spec.mounts = {Bind{.source = "/usr", .target = "/usr", .read_only = true}};
    return spec;
  }
  [[nodiscard]] ProcessSpec shell(const std::string& script) const {
    return program({"/bin/sh", "-c", script});
  }
  static ProcessSpec as_user(ProcessSpec spec, std::uint32_t uid = 1000) {
    spec.uid = uid;
    spec.gid = uid;
    return spec;
  }

  static Result<Ended> try_run(const ProcessSpec& spec, Outcome& outcome, std::stop_token stop = {}) {
    return system_launcher().run(
        spec,
        [&outcome](Stream stream, std::string_view piece) {
          (stream == Stream::kStdout ? outcome.out : outcome.err) += piece;
        },
        std::move(stop));
  }
  static Outcome run(const ProcessSpec& spec) {
    Outcome outcome;
    const auto ended = try_run(spec, outcome);
    EXPECT_TRUE(ended) << ended.error().message() << "\n" << ended.error().next;
    if (ended) {
      outcome.status = ended->status;
      outcome.looked_up_names = ended->looked_up_names;
    }
    return outcome;
  }
  /// stdout of a shell script that must succeed, without the last newline.
  static std::string output(const ProcessSpec& spec) {
    Outcome outcome = run(spec);
    EXPECT_EQ(exit_code(outcome), 0) << outcome.err;
    if (outcome.out.ends_with('\n')) outcome.out.pop_back();
    return outcome.out;
  }
  /// -1 if it was a signal.
  static int exit_code(const Outcome& outcome) {
    const auto* exited = std::get_if<Exited>(&outcome.status);
    return exited != nullptr ? exited->code : -1;
  }

  std::string base_;
  std::string root_;
};

}  // namespace pgstrata::sandbox
