// The system call filters of a RUN.
//
// Synchronisation: fsync, fdatasync, sync, syncfs and sync_file_range answer success at once, because a
// layer is kept or thrown away as a whole (design, section 5). A negative descriptor is still EBADF:
// test suites check for that. msync is left alone: it also makes MAP_SHARED writes visible in mtimes.
// Opens with O_SYNC or O_DSYNC, and RWF_SYNC, are left alone too: a filter can refuse a flag but not
// take it away, and refusing would break a program that runs under BuildKit. Nothing would be gained:
// in strace neither dpkg nor initdb uses them once. (PostgreSQL 15's initdb makes 1986 calls that are
// suppressed, 3.1 s of its time; dpkg with four small packages 1041.)
//
// Denials: a short part of Docker's default profile, not all of it. Most of what that profile forbids
// (mount, kexec_load, bpf as root …) needs a capability that the program doesn't have anyway. Denied here
// is what needs none, and reaches beyond the sandbox or around the recording of what a step reads: keyrings
// (the kernel has no namespace for them; a step as root would see the keys of the machine's root), new user
// namespaces (they give every capability back, mounting included), io_uring (it writes and syncs past every
// filter), bpf, perf_event_open and userfaultfd. All of them fail under BuildKit in the same way, so no
// Dockerfile that BuildKit accepts is refused, and configure scripts get the same answers.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "core/result.h"

namespace pgstrata::sandbox {

struct FilterRules {
  bool suppress_sync = true;
  bool deny = true;  ///< not for insecure steps
};

/// The program for seccomp(SECCOMP_SET_MODE_FILTER), for all ABIs of this machine's architecture.
/// Compiling costs about a millisecond: keep it.
Result<std::vector<sock_filter>> compile_filter(FilterRules rules);

}  // namespace pgstrata::sandbox
