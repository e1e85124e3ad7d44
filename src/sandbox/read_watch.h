// Whether a file was read, without asking for it at each read.
//
// By the oldest of the kernel's notifications, fcntl(2) F_NOTIFY (dnotify), which watches directories and
// sends a signal: closing an inotify instance waits for a grace period of the kernel (synchronize_srcu),
// some 10 ms that every RUN would pay.
#pragma once

#include "os/fd.h"

namespace pgstrata::sandbox {

/// From now on, of the files that are in the open directory; they may be unlinked afterwards. The calling
/// thread gets the signal, so it must block it, and be the one that calls was_read(). Watches as long as
/// the descriptor is open. False if the kernel can't (fs.dir-notify-enable): then nothing is ever seen.
bool watch_reads(const os::Fd& directory);

/// Whether one of them was read since.
[[nodiscard]] bool was_read();

}  // namespace pgstrata::sandbox
