// Runs one process tree in a root file system: RUN's sandbox. Root and plain user, no daemon, no
// OCI runtime, no cgroup; what Docker's containers see (capabilities, masked paths, /dev) is seen here.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/result.h"
#include "sandbox/limits.h"

namespace pgstrata::sandbox {

/// A file or directory of the machine, visible at `target` (absolute, in the root file system).
/// A missing target is created as a stub, and removed afterwards if it is still empty.
struct Bind {
  std::string source;
  std::string target;
  bool read_only = true;
};
struct Tmpfs {
  std::string target;
  std::uint64_t size = 0;  ///< bytes; 0: the kernel's default
  std::uint32_t mode = 01777;
};
using Mount = std::variant<Bind, Tmpfs>;

inline const std::string& target_of(const Mount& mount) {
  return std::visit([](const auto& any) -> const std::string& { return any.target; }, mount);
}

/// A device node in the root file system. A plain user can't make one: then the machine's, `source`, is
/// bound there, with its own mode and owner.
struct DeviceNode {
  std::string path;    ///< absolute
  std::string source;  ///< the machine's
  char type = 'c';     ///< 'c', 'b', or 'p' for a FIFO
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t mode = 0666;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

struct ProcessSpec {
  std::string rootfs;  ///< a mounted, writable directory of this process's mount namespace
  std::vector<std::string> argv;
  std::vector<std::string> env;
  std::string cwd = "/";  ///< created if missing, as Docker does
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;  ///< supplementary
  std::string hostname = "buildkitsandbox";
  bool host_network = true;  ///< false: a loopback interface of its own and nothing else
  /// All capabilities that the caller has, for every user, /proc and /sys whole and writable, no system
  /// call denied, the devices of BuildKit's insecure steps (util/entitlements/security).
  bool insecure = false;
  std::vector<Mount> mounts;                                     ///< in order, after the standard ones
  std::vector<DeviceNode> devices;                               ///< besides those of Docker's /dev
  std::vector<std::pair<std::string, std::string>> extra_hosts;  ///< name, address: lines of /etc/hosts
  std::vector<Limit> limits;  ///< a hard one above the caller's needs root
  bool suppress_sync = true;
};

struct Exited {
  int code;
};
struct Signalled {
  int signal;
};
using ExitStatus = std::variant<Exited, Signalled>;

/// How a run ended, and what it did that no file tells.
struct Ended {
  ExitStatus status = Exited{-1};
  /// /etc/resolv.conf was read, as every resolver does before it asks for an address. False also where the
  /// kernel can't watch it (read_watch.h); who connects to a bare address isn't seen.
  bool looked_up_names = false;
};

enum class Stream { kStdout, kStderr };
/// Called from the thread that called run(), with pieces as they were read (not lines).
using OutputSink = std::function<void(Stream, std::string_view)>;

class Launcher {
 public:
  Launcher() = default;
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;
  virtual ~Launcher() = default;

  /// Runs to the end: every process of the tree is gone when it returns, also after `stop` (SIGTERM to all,
  /// as Ctrl-C in a terminal does, SIGKILL two seconds later: kCancelled) and when the calling process is
  /// killed. stdin is empty. Errors are about the sandbox itself (kMachine; kBuildFailed if `cwd` is no
  /// directory; kNotFound for a missing Bind::source); the program's own failure is an ExitStatus. A
  /// program that can't be executed is Exited{127} or {126} with the reason on stderr. Several threads may
  /// call it at once. The caller's memory is copied once as fork does (3 ms with 64 MB resident, 0.6 ms
  /// with 16 MB).
  virtual Result<Ended> run(const ProcessSpec& spec, const OutputSink& output, std::stop_token stop) = 0;
};

/// The launcher of this machine. enter_namespaces() (user_namespace.h) must have succeeded before.
Launcher& system_launcher();

}  // namespace pgstrata::sandbox
