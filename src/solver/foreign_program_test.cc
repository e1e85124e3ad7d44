#include "solver/foreign_program.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "filetree/fake_file_tree.h"
#include "os/file.h"

namespace pgstrata::solver {
namespace {

constexpr std::size_t kMachineAt = 18;

/// Of this machine, and with another number than any machine has.
ElfHeader own() {
  ElfHeader header{};
  const std::string bytes = os::read_file("/proc/self/exe").value();
  std::copy_n(bytes.begin(), header.size(), header.begin());
  return header;
}
ElfHeader foreign() {
  ElfHeader header = own();
  header[kMachineAt] = header[kMachineAt + 1] = '\x7e';
  return header;
}
std::string text(const ElfHeader& header) { return {header.begin(), header.end()}; }

TEST(ForeignProgram, TheShellOfAShellForm) {
  filetree::FakeFileTree root;
  root.directory("bin");
  root.file("bin/busybox", text(foreign()), 0755);
  root.symlink("bin/sh", "busybox");
  const auto program = first_program(root, {.argv = {"/bin/sh", "-c", "true"}}).value();
  ASSERT_TRUE(program);
  EXPECT_EQ(program->path, "/bin/busybox");
  EXPECT_EQ(program->header, foreign());
}

TEST(ForeignProgram, WhatTheFirstLineOfAScriptNames) {
  filetree::FakeFileTree root;
  root.file("sh", text(foreign()), 0755);
  root.file("script", "#! /sh -e\n", 0755);
  EXPECT_EQ(first_program(root, {.argv = {"/script"}, .cwd = "/"}).value()->path, "/sh");
}

TEST(ForeignProgram, AlongThePath) {
  filetree::FakeFileTree root;
  root.directory("b");
  root.file("b/tool", text(own()), 0755);
  const graph::ExecOp run{.argv = {"tool"}, .env = {"PATH=/a:/b"}, .cwd = "/"};
  EXPECT_EQ(first_program(root, run).value()->path, "/b/tool");
}

TEST(ForeignProgram, WhatIsNoElfFileIsLeftToTheRun) {
  filetree::FakeFileTree root;
  root.file("text", "hello", 0755);
  root.file("loop", "#!/loop\n", 0755);
  for (const char* name : {"/text", "/loop", "/missing"})
    EXPECT_FALSE(first_program(root, {.argv = {name}, .cwd = "/"}).value()) << name;
}

TEST(ForeignProgram, TheKernelIsAsked) {
  const std::string probe = testing::TempDir() + "probe." + std::to_string(::getpid());
  EXPECT_TRUE(kernel_starts(own(), probe));
  EXPECT_FALSE(kernel_starts(foreign(), probe));
  EXPECT_FALSE(os::exists(probe));
}

}  // namespace
}  // namespace pgstrata::solver
