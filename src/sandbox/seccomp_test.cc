#include "sandbox/seccomp.h"

#include <sys/syscall.h>

#include <fmt/format.h>

#include "sandbox/test_root.h"

namespace pgstrata::sandbox {
namespace {

class SeccompTest : public TestRoot {
 protected:
  /// Calls `number(argument)` in the sandbox: "0" or the errno's text.
  [[nodiscard]] std::string call(long number, const std::string& arguments,
                                 bool suppress_sync = true) const {
    ProcessSpec spec = program({"/usr/bin/perl", "-e",
                                fmt::format("my $r = syscall({}{}{}); print $r == -1 ? \"$!\" : $r;",
                                            number, arguments.empty() ? "" : ", ", arguments)});
    spec.suppress_sync = suppress_sync;
    return output(spec);
  }
};

// fsync of a pipe is EINVAL in the kernel: an answer of 0 is the filter's, and nothing was synced.
TEST_F(SeccompTest, SyncCallsSucceedWithoutSyncing) {
  for (const long number : {SYS_fsync, SYS_fdatasync}) {
    EXPECT_EQ(call(number, "1", false), "Invalid argument");
    EXPECT_EQ(call(number, "1"), "0");
  }
  EXPECT_EQ(call(SYS_sync_file_range, "1, 0, 0, 0", false), "Illegal seek");
  EXPECT_EQ(call(SYS_sync_file_range, "1, 0, 0, 0"), "0");
  EXPECT_EQ(call(SYS_sync, ""), "0");
  EXPECT_EQ(call(SYS_syncfs, "99", false), "Bad file descriptor");
  EXPECT_EQ(call(SYS_syncfs, "99"), "0");
}

TEST_F(SeccompTest, NegativeDescriptorsAreRefused) {
  for (const long number : {SYS_fsync, SYS_fdatasync, SYS_syncfs})
    EXPECT_EQ(call(number, "-1"), "Bad file descriptor");
  EXPECT_EQ(call(SYS_fsync, "0x80000000"),
            "Bad file descriptor");  // as a 32-bit int; the upper half is no part of it
  EXPECT_EQ(call(SYS_fsync, "0x700000001"), "0");
}

TEST_F(SeccompTest, KeyringsAreDenied) {
  EXPECT_EQ(call(SYS_keyctl, "0, -3, 0"), "Operation not permitted");
}

TEST_F(SeccompTest, UserNamespacesAreDeniedAsInDocker) {
  const Outcome outcome = run(program({"unshare", "-U", "true"}));
  EXPECT_NE(exit_code(outcome), 0);
  EXPECT_NE(outcome.err.find("Operation not permitted"), std::string::npos) << outcome.err;
}

TEST_F(SeccompTest, ThreadsStillWork) {  // clone3 is answered with ENOSYS
  EXPECT_EQ(call(SYS_clone3, "0, 0"), "Function not implemented");
  EXPECT_EQ(output(shell("seq 1 100000 | sort -R --parallel=4 | wc -l")), "100000");
}

}  // namespace
}  // namespace pgstrata::sandbox
