// A fresh directory on the real file system, for tests; removed at the end.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>

#include "os/file.h"

namespace pgstrata::context {

class TestDirectory {
 public:
  TestDirectory() {
    const char* base = std::getenv("TMPDIR");
    path_ = std::string(base != nullptr ? base : "/tmp") + "/pgstrata-context-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "mkdtemp";
  }
  ~TestDirectory() { static_cast<void>(os::remove_tree(path_)); }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string at(const std::string& name) const { return path_ + "/" + name; }
  void directory(const std::string& name) const { EXPECT_TRUE(os::make_directories(at(name))); }
  void file(const std::string& name, std::string_view text) const {
    EXPECT_TRUE(os::write_file(at(name), text));
  }
  void symlink(const std::string& name, const std::string& target) const {
    EXPECT_EQ(::symlink(target.c_str(), at(name).c_str()), 0);
  }
  void hard_link(const std::string& name, const std::string& target) const {
    EXPECT_EQ(::link(at(target).c_str(), at(name).c_str()), 0);
  }

 private:
  std::string path_;
};

/// Lets the kernel's clock tick, so that what was written before is not racy.
inline void let_time_pass() { std::this_thread::sleep_for(std::chrono::milliseconds(60)); }

}  // namespace pgstrata::context
