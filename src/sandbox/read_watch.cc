#include "sandbox/read_watch.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <ctime>

namespace pgstrata::sandbox {
namespace {

/// One that queues with what belongs to it; SIGIO, the default, may come from elsewhere.
int signal_of_reads() { return SIGRTMIN; }

}  // namespace

bool watch_reads(const os::Fd& directory) {
  f_owner_ex owner{.type = F_OWNER_TID, .pid = ::gettid()};
  return ::fcntl(directory.get(), F_SETSIG, signal_of_reads()) == 0 &&
         ::fcntl(directory.get(), F_SETOWN_EX, &owner) == 0 &&
         ::fcntl(directory.get(), F_NOTIFY, DN_ACCESS) == 0;
}

bool was_read() {
  sigset_t reads;
  ::sigemptyset(&reads);
  ::sigaddset(&reads, signal_of_reads());
  const timespec now{};
  return ::sigtimedwait(&reads, nullptr, &now) > 0;
}

}  // namespace pgstrata::sandbox
