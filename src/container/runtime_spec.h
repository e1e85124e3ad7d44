// The configuration of an OCI runtime's bundle (config.json), from typed values.
// runtime-spec 1.0.2, config.md and config-linux.md: https://github.com/opencontainers/runtime-spec
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace pgstrata::container {

/// config.md, "Mounts".
struct Mount {
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;
  bool operator==(const Mount&) const = default;
};

/// config.md, "Process": also what `exec` hands to the runtime.
struct Process {
  bool terminal = false;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;  ///< supplementary
  std::vector<std::string> argv;
  std::vector<std::string> env;  ///< "NAME=value"
  std::string cwd = "/";
  std::vector<std::string> capabilities;  ///< "CAP_CHOWN", …
  bool no_new_privileges = false;
  bool operator==(const Process&) const = default;
};

/// Where the machine lets a control group be made for the container (root only).
struct ControlGroup {
  std::string path;                           ///< "/pgstrata/<id>"
  std::optional<std::uint64_t> memory_bytes;  ///< limit
  bool own_namespace = false;                 ///< hides the groups above (unified hierarchy)
};

struct RuntimeSpec {
  std::string rootfs;  ///< absolute path
  bool read_only = false;
  Process process;
  std::string hostname;
  std::vector<Mount> mounts;  ///< in order, standard_mounts() first
  bool private_network = false;
  bool seccomp = true;  ///< the denials of seccomp_denials()
  std::optional<ControlGroup> control_group;
};

/// What decides the mounts that every container has.
struct MountPolicy {
  std::uint64_t shm_bytes = 64U << 20;
  bool own_sysfs = true;  ///< false: the machine's /sys, read-only (a user namespace without its network)
  bool control_groups = true;  ///< show /sys/fs/cgroup, read-only
  bool terminal_group = true;  ///< gid 5 (tty) exists, so it can own pseudo-terminals
};
/// /proc, /dev, /dev/pts, /dev/shm, /dev/mqueue, /sys as Docker mounts them.
[[nodiscard]] std::vector<Mount> standard_mounts(const MountPolicy& policy);

/// Docker's default list, with names added and dropped: "NET_ADMIN", "CAP_NET_ADMIN" or "ALL" in any case.
/// kUsage for a name that no kernel has.
Result<std::vector<std::string>> capabilities(const std::vector<std::string>& added,
                                              const std::vector<std::string>& dropped);

/// System calls that answer EPERM. A short list instead of Docker's long profile: what that one forbids
/// besides these needs a capability the container doesn't have. Here is what needs none: keyrings (the
/// kernel has no namespace for them), new user namespaces (they give every capability back), io_uring, bpf,
/// perf_event_open, userfaultfd, open_by_handle_at. clone3 answers ENOSYS, so that libraries fall back to
/// clone, whose flags a filter can see.
[[nodiscard]] const std::vector<const char*>& seccomp_denials();

/// The bundle's config.json. The same value always gives the same bytes.
[[nodiscard]] std::string to_json(const RuntimeSpec& spec);
/// The "process" object alone.
[[nodiscard]] std::string to_json(const Process& process);
/// The other way, for our own records; kCorrupt names the field.
Result<Process> process_from_json(std::string_view json);

}  // namespace pgstrata::container
