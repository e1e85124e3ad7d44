#include "graph/definition.h"

#include <algorithm>
#include <string>

namespace pgstrata::graph {
namespace {

using oci::KeyHasher;

// Raised when the meaning of a part changes: keys of older versions then never match.
constexpr std::string_view kDomain = "pgstrata.definition.v2";

void add_list(KeyHasher& key, std::string_view label, const std::vector<std::string>& values) {
  key.add(std::string(label) + ".count", std::uint64_t{values.size()});
  for (const std::string& value : values) key.add(label, value);
}

// Absent and empty differ in the label.
void add_optional(KeyHasher& key, std::string_view label, const std::optional<std::string>& value) {
  if (value)
    key.add(label, *value);
  else
    key.add(std::string(label) + ".none", "");
}

void add_flag(KeyHasher& key, std::string_view label, bool value) { key.add(label, std::uint64_t{value}); }

// The place of `input` in inputs(op), from 1; 0 is scratch. Two mounts that swap their inputs differ by it.
std::uint64_t rank(const std::vector<VertexId>& all, const VertexInput& input) {
  if (!input.vertex) return 0;
  return static_cast<std::uint64_t>(std::lower_bound(all.begin(), all.end(), *input.vertex) - all.begin()) +
         1;
}

void add_input(KeyHasher& key, std::string_view label, const Input& input,
               const std::vector<VertexId>& all) {
  if (const auto* local = std::get_if<LocalInput>(&input))
    key.add(std::string(label) + ".local", local->context);
  else
    key.add(std::string(label) + ".vertex", rank(all, std::get<VertexInput>(input)));
}

void add_owner(KeyHasher& key, std::uint32_t mode, std::uint32_t uid, std::uint32_t gid) {
  key.add("mode", std::uint64_t{mode}).add("uid", std::uint64_t{uid}).add("gid", std::uint64_t{gid});
}

// What is there now is one of the inputs. Of a URL only the name stands here: a mirror has the same file.
// Of a repository the address does: its submodules may be relative to it.
void add_remote(KeyHasher& key, const RemoteFiles& remote) {
  key.add("remote", std::uint64_t{remote.position});
  add_flag(key, "remote.unpack", remote.unpack);
  if (const auto* http = std::get_if<remote::HttpSource>(&remote.source)) {
    key.add("http.name", http->filename);
    return;
  }
  const auto& git = std::get<remote::GitSource>(remote.source);
  key.add("git.remote", git.remote).add("git.subdir", git.subdir);
  add_flag(key, "git.keep", git.keep_git_dir.value_or(false));
  add_flag(key, "git.submodules", git.submodules);
  add_flag(key, "git.commit_times", git.commit_times);
}

struct MountHasher {
  KeyHasher& key;
  const std::vector<VertexId>& all;

  void operator()(const BindMount& mount) const {
    key.add("mount", "bind").add("source", mount.source).add("target", mount.target);
    add_input(key, "from", mount.from, all);
    add_flag(key, "read_write", mount.read_write);
  }
  void operator()(const CacheMount& mount) const {
    key.add("mount", "cache").add("id", mount.id).add("source", mount.source).add("target", mount.target);
    add_flag(key, "has_from", mount.from.has_value());
    if (mount.from) add_input(key, "from", *mount.from, all);
    key.add("sharing", static_cast<std::uint64_t>(mount.sharing));
    add_owner(key, mount.mode, mount.uid, mount.gid);
    add_flag(key, "owned", mount.owned);
    add_flag(key, "read_only", mount.read_only);
  }
  void operator()(const TmpfsMount& mount) const {
    key.add("mount", "tmpfs").add("target", mount.target).add("size", mount.size);
  }
  void operator()(const SecretMount& mount) const {
    key.add("mount", "secret").add("id", mount.id);
    add_optional(key, "target", mount.target);
    add_optional(key, "env", mount.env);
    add_flag(key, "required", mount.required);
    add_owner(key, mount.mode, mount.uid, mount.gid);
  }
  void operator()(const SshMount& mount) const {
    key.add("mount", "ssh").add("id", mount.id).add("target", mount.target);
    add_flag(key, "required", mount.required);
    add_owner(key, mount.mode, mount.uid, mount.gid);
  }
};

struct ActionHasher {
  KeyHasher& key;
  const std::vector<VertexId>& all;

  void operator()(const CopyAction& copy) const {
    key.add("action", "copy");
    add_input(key, "from", copy.from, all);
    add_list(key, "source", copy.sources);
    for (const RemoteFiles& remote : copy.remotes) add_remote(key, remote);
    key.add("inline.count", std::uint64_t{copy.inline_files.size()});
    for (const InlineFile& file : copy.inline_files)
      key.add("inline.name", file.name).add("inline.text", file.text);
    key.add("destination", copy.destination);
    add_optional(key, "chown", copy.chown);
    add_optional(key, "chmod", copy.chmod);
    add_list(key, "exclude", copy.exclude);
    add_flag(key, "parents", copy.parents);
    add_flag(key, "link", copy.link);
    add_flag(key, "unpack", copy.unpack);
  }
  void operator()(const MakeDirectory& directory) const {
    key.add("action", "make_directory").add("path", directory.path).add("user", directory.user);
  }
};

// Nothing of it is a step of a version that knew no limits.
void add_limits(KeyHasher& key, const ExecLimits& limits) {
  for (const ExtraHost& host : limits.hosts) key.add("host", host.name).add("address", host.address);
  for (const Ulimit& limit : limits.ulimits)
    key.add("ulimit", limit.name)
        .add("soft", static_cast<std::uint64_t>(limit.soft))
        .add("hard", static_cast<std::uint64_t>(limit.hard));
  if (limits.shm_size != 0) key.add("shm_size", limits.shm_size);
}

struct OpHasher {
  KeyHasher& key;
  const std::vector<VertexId>& all;

  void operator()(const SourceOp& source) const {
    key.add("op", "source").add("reference", source.reference);
    key.add("os", source.platform.os).add("architecture", source.platform.architecture);
    key.add("variant", source.platform.variant);
  }
  void operator()(const ExecOp& exec) const {
    key.add("op", "exec");
    add_list(key, "argv", exec.argv);
    add_list(key, "env", exec.env);
    key.add("cwd", exec.cwd).add("user", exec.user);
    key.add("network", static_cast<std::uint64_t>(exec.network));
    key.add("hostname", exec.hostname);
    key.add("mount.count", std::uint64_t{exec.mounts.size()});
    for (const ExecMount& mount : exec.mounts) std::visit(MountHasher{key, all}, mount);
    key.add("script.count", std::uint64_t{exec.scripts.size()});
    for (const ScriptFile& script : exec.scripts)
      key.add("script.path", script.path).add("script.text", script.text);
    add_limits(key, exec.limits);
    if (exec.insecure) key.add("security", "insecure");
    for (const DeviceRequest& device : exec.devices) {
      key.add("device", device.name);
      add_flag(key, "device.required", device.required);
    }
  }
  void operator()(const FileOp& file) const {
    key.add("op", "file");
    std::visit(ActionHasher{key, all}, file.action);
  }
};

}  // namespace

oci::Digest definition_digest(const Op& op) {
  KeyHasher key(kDomain);
  const std::vector<VertexId> all = inputs(op);
  std::visit(OpHasher{key, all}, op);
  return key.finish();
}

}  // namespace pgstrata::graph
