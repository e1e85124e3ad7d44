#include "sandbox/seccomp.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>

#include "os/fd.h"
#include "os/file.h"

namespace pgstrata::sandbox {
namespace {

using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, decltype(&seccomp_release)>;

// libseccomp's own names: a call that an ABI lacks is a negative pseudo number, which rules skip.
constexpr std::array kSyncOfFile = {
    SCMP_SYS(fsync),           SCMP_SYS(fdatasync),        SCMP_SYS(syncfs),
    SCMP_SYS(sync_file_range), SCMP_SYS(sync_file_range2), SCMP_SYS(arm_sync_file_range)};

constexpr std::array kDenied = {SCMP_SYS(add_key),
                                SCMP_SYS(keyctl),
                                SCMP_SYS(request_key),
                                SCMP_SYS(io_uring_setup),
                                SCMP_SYS(io_uring_enter),
                                SCMP_SYS(io_uring_register),
                                SCMP_SYS(bpf),
                                SCMP_SYS(perf_event_open),
                                SCMP_SYS(userfaultfd)};

/// 0, or the first failure: libseccomp's negative errno.
int add_abis(const scmp_filter_ctx filter) {
#if defined(__x86_64__)
  for (const auto abi : {std::uint32_t{SCMP_ARCH_X86}, std::uint32_t{SCMP_ARCH_X32}})
    if (const int code = seccomp_arch_add(filter, abi); code != 0 && code != -EEXIST) return code;
#elif defined(__aarch64__)
  if (const int code = seccomp_arch_add(filter, SCMP_ARCH_ARM); code != 0 && code != -EEXIST) return code;
#endif
  // Programs of an ABI that isn't listed run unfiltered instead of being killed.
  return seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
}

int suppress_syncs(const scmp_filter_ctx filter) {
  // The descriptor is an int: the upper half of its register is arbitrary, so test the sign bit alone.
  constexpr scmp_datum_t kSign = 0x80000000U;
  for (const int call : kSyncOfFile) {
    const scmp_arg_cmp bad = SCMP_A0(SCMP_CMP_MASKED_EQ, kSign, kSign);
    const scmp_arg_cmp good = SCMP_A0(SCMP_CMP_MASKED_EQ, kSign, 0U);
    if (const int code = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EBADF), call, 1, &bad); code != 0)
      return code;
    if (const int code = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(0), call, 1, &good); code != 0)
      return code;
  }
  return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(0), SCMP_SYS(sync), 0, nullptr);
}

int deny(const scmp_filter_ctx filter) {
  for (const int call : kDenied)
    if (const int code = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), call, 0, nullptr); code != 0)
      return code;
  constexpr scmp_datum_t kNewUser = CLONE_NEWUSER;
  const scmp_arg_cmp new_user = SCMP_A0(SCMP_CMP_MASKED_EQ, kNewUser, kNewUser);
  for (const int call : {SCMP_SYS(clone), SCMP_SYS(unshare)})
    if (const int code = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), call, 1, &new_user);
        code != 0)
      return code;
  // clone3's flags are behind a pointer, out of a filter's sight. ENOSYS makes the C libraries use clone.
  return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0, nullptr);
}

Error filter_error(int code) {
  Error error = system_error("can't compile the system call filter", "", -code);
  error.kind = ErrorKind::kMachine;
  return error;
}

Result<std::vector<sock_filter>> export_program(const scmp_filter_ctx filter) {
  const os::Fd file(::memfd_create("seccomp", MFD_CLOEXEC));
  if (!file) return fail(system_error("can't create a memory file", ""));
  if (const int code = seccomp_export_bpf(filter, file.get()); code != 0) return fail(filter_error(code));
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return fail(system_error("can't read a memory file", ""));
  const std::string bytes = TRY(os::read_all(file.get(), "seccomp"));
  std::vector<sock_filter> program(bytes.size() / sizeof(sock_filter));
  std::memcpy(program.data(), bytes.data(), program.size() * sizeof(sock_filter));
  return program;
}

}  // namespace

Result<std::vector<sock_filter>> compile_filter(FilterRules rules) {
  const Filter filter(seccomp_init(SCMP_ACT_ALLOW), &seccomp_release);
  if (!filter) return fail(filter_error(-ENOMEM));
  int code = add_abis(filter.get());
  if (code == 0 && rules.deny) code = deny(filter.get());
  if (code == 0 && rules.suppress_sync) code = suppress_syncs(filter.get());
  if (code != 0) return fail(filter_error(code));
  return export_program(filter.get());
}

}  // namespace pgstrata::sandbox
