// A process named so that neither a reused pid nor a reboot can be taken for it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "core/result.h"
#include "os/fd.h"

namespace pgstrata::container {

struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_time = 0;  ///< clock ticks since boot: field 22 of /proc/PID/stat
  std::string boot_id;           ///< /proc/sys/kernel/random/boot_id
  bool operator==(const ProcessId&) const = default;
};

/// The process `pid` as it is now; "self" is the caller as /proc names it. Nothing if there is none.
[[nodiscard]] std::optional<ProcessId> process_id(const std::string& pid);
/// The machine's boot id; empty if /proc doesn't tell.
[[nodiscard]] std::string boot_id();

[[nodiscard]] bool is_alive(const ProcessId& process);
/// A pidfd: readable once the process has ended. Nothing if it has ended already.
[[nodiscard]] std::optional<os::Fd> open_process(const ProcessId& process);

}  // namespace pgstrata::container
