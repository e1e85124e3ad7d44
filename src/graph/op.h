// The build graph: what has to be made, without how. A Vertex is one file system operation of the
// Dockerfile; configuration instructions (ENV, LABEL, CMD …) make no vertex, they only shape
// StageResult::config and the environment of later vertices. The names are BuildKit's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "dockerfile/source.h"
#include "oci/image_config.h"
#include "oci/platform.h"
#include "remote/source.h"

namespace pgstrata::graph {

/// Index into BuildGraph::vertices. A vertex only refers to vertices with smaller ids.
using VertexId = std::size_t;

/// A local directory: the main build context ("") or one named by --build-context.
struct LocalInput {
  std::string context;
};
/// The root file system that another vertex leaves. Nothing: an empty root (FROM scratch).
struct VertexInput {
  std::optional<VertexId> vertex;
};
using Input = std::variant<LocalInput, VertexInput>;

/// FROM or COPY --from of an image that is no stage. The reference is as written (not normalised).
struct SourceOp {
  std::string reference;
  oci::Platform platform;
};

enum class Network { kDefault, kHost, kNone };

struct BindMount {
  Input from;
  std::string source;       ///< path within `from`
  std::string target;       ///< absolute
  bool read_write = false;  ///< writes are discarded after the step
};
enum class Sharing { kShared, kPrivate, kLocked };
struct CacheMount {
  std::string id;  ///< the namespace prefix is already in it
  std::string target;
  std::optional<Input> from;
  std::string source;
  Sharing sharing = Sharing::kShared;
  std::uint32_t mode = 0755;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  bool owned =
      false;  ///< mode, uid or gid was given, and holds: a cache of its own, apart from the id's other
  bool read_only = false;
};
struct TmpfsMount {
  std::string target;
  std::uint64_t size = 0;  ///< bytes; 0: no limit
};
struct SecretMount {
  std::string id;
  std::optional<std::string> target;  ///< none: only the environment variable is wanted
  std::optional<std::string> env;
  bool required = false;
  std::uint32_t mode = 0400;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};
struct SshMount {
  std::string id;
  std::string target;
  bool required = false;
  std::uint32_t mode = 0600;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};
using ExecMount = std::variant<BindMount, CacheMount, TmpfsMount, SecretMount, SshMount>;

/// A heredoc that is a script of its own: mounted read-only at `path`, mode 0755, while the step runs.
struct ScriptFile {
  std::string path;
  std::string text;
};

/// A line of /etc/hosts.
struct ExtraHost {
  std::string name;
  std::string address;
};
/// As setrlimit(2) takes it; -1 is no limit.
struct Ulimit {
  std::string name;
  std::int64_t soft = -1;
  std::int64_t hard = -1;
};
/// What the command line says about all RUNs.
struct ExecLimits {
  std::vector<ExtraHost> hosts;
  std::vector<Ulimit> ulimits;
  std::uint64_t shm_size = 0;  ///< bytes of /dev/shm; 0: Docker's 64 MiB
};

/// A device of the machine by its CDI name, "vendor.com/class=name".
struct DeviceRequest {
  std::string name;
  bool required = false;
};

struct ExecOp {
  std::vector<std::string> argv;
  std::vector<std::string> env;  ///< "NAME=value", in order; part of the key
  std::vector<std::string>
      proxy_env;     ///< predefined proxy ARGs that weren't declared: passed, not in the key
  std::string cwd;   ///< absolute
  std::string user;  ///< as in USER, "" is root; resolved against the stage's /etc/passwd when it runs
  Network network = Network::kDefault;
  bool insecure = false;               ///< without the restrictions of a sandbox (--security=insecure)
  std::vector<DeviceRequest> devices;  ///< as written, until solver/devices.h has looked for them
  std::string hostname = "buildkitsandbox";
  std::vector<ExecMount> mounts;
  std::vector<ScriptFile> scripts;
  ExecLimits limits;
};

struct InlineFile {
  std::string name;
  std::string text;
};

/// A source of ADD that isn't in the build context.
struct RemoteFiles {
  remote::Source source;
  std::size_t position = 0;  ///< how many of the action's `sources` come before it
  bool unpack = false;       ///< the archive's content instead of the downloaded archive
};

/// COPY and ADD.
struct CopyAction {
  Input from;
  std::vector<RemoteFiles> remotes;
  std::vector<std::string> sources;      ///< patterns within `from`, as written, expanded
  std::vector<InlineFile> inline_files;  ///< heredoc sources
  std::string destination;  ///< absolute (WORKDIR applied); a trailing slash is kept, and means a directory
  std::optional<std::string> chown;  ///< "user[:group]", names or numbers
  std::optional<std::string> chmod;  ///< octal or symbolic
  std::vector<std::string> exclude;
  bool parents = false;
  bool link = false;
  bool unpack = false;  ///< ADD of a local archive: its content instead of itself
};
/// WORKDIR: the directory and its missing parents, 0755, owned by the stage's USER.
struct MakeDirectory {
  std::string path;  ///< absolute
  std::string user;  ///< as in USER, "" is root; resolved against the stage's /etc/passwd when it is made
};
struct FileOp {
  std::variant<CopyAction, MakeDirectory> action;
};

using Op = std::variant<SourceOp, ExecOp, FileOp>;

struct Vertex {
  Op op;
  std::optional<VertexId> parent;  ///< the chain below; none: scratch (or a SourceOp)
  std::string name;         ///< "[build 2/5] RUN make"; of several platforms "[linux/arm64 build 2/5] …"
  std::string instruction;  ///< the instruction as written, joined to one line
  dockerfile::SourceRange location;
  bool no_cache = false;
  oci::Platform platform = {};  ///< of the stage that it belongs to
};

/// One entry of the image's history; with a vertex it stands for that vertex's layer.
struct HistoryStep {
  std::string created_by;
  std::string comment;
  std::optional<VertexId> vertex;
};

/// A configuration instruction, for progress and --metadata-file (status "config").
struct ConfigStep {
  std::string stage;  ///< as StageResult::name: what the target stands on has its own
  std::string instruction;
  dockerfile::SourceRange location;
};

struct StageResult {
  std::string name;  ///< AS name, or "stage-N"
  std::optional<VertexId> root;
  oci::ImageConfig config;  ///< without rootfs; history holds the base's entries only
  std::vector<HistoryStep> history;
  std::vector<ConfigStep> config_steps;
};

struct BuildGraph {
  std::vector<Vertex> vertices;  ///< in an order in which they can be built; only what the target needs
  StageResult target;
};

/// The vertices that `op` reads besides its parent (COPY --from, RUN --mount=from=), ascending.
[[nodiscard]] std::vector<VertexId> inputs(const Op& op);

}  // namespace pgstrata::graph
