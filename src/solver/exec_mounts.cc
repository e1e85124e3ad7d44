#include "solver/exec_mounts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "bootstrap/apt_options.h"
#include "bootstrap/apt_sources.h"
#include "filetree/resolve.h"
#include "layer/tar_writer.h"
#include "layer/unpack.h"
#include "os/file.h"
#include "sandbox/user_namespace.h"
#include "snapshot/xattrs.h"

namespace pgstrata::solver {
namespace {

using filetree::EntryType;

/// The path inside an overlay or a laid-out tree, links followed without leaving it.
Result<std::string> source_within(const filetree::FileTree& tree, const std::string& source) {
  const std::string top = TRY(filetree::resolve(tree, source, filetree::FinalLink::kFollow));
  const auto found = TRY(tree.lookup(top));
  if (!found)
    return fail({.kind = ErrorKind::kBuildFailed,
                 .what = fmt::format("the mount's source \"{}\" isn't in {}", source, tree.name()),
                 .next = "check the path, and that .dockerignore doesn't exclude it"});
  return top;
}

bool has_acls(const filetree::ChangeSet& entries) {
  const auto is_acl = [](const filetree::Xattr& xattr) {
    return xattr.first.starts_with(snapshot::kAclPrefix);
  };
  return std::any_of(entries.begin(), entries.end(), [&](const filetree::Entry& entry) {
    return std::any_of(entry.xattrs.begin(), entry.xattrs.end(), is_acl);
  });
}

/// Shown times for a mount of `directory` alone.
ShownTimes below(const std::string& directory, ShownTimes shown) {
  if (!shown || directory.empty()) return shown;
  return [directory, shown](std::string_view path, std::int64_t mtime_ns) {
    return shown(path.empty() ? directory : directory + "/" + std::string(path), mtime_ns);
  };
}

Result<bool> is_directory(const filetree::FileTree& tree, const std::string& path) {
  const auto entry = TRY(tree.lookup(path));
  return entry && entry->type == EntryType::kDirectory;
}

/// Locks the first free directory of PREFIX, PREFIX.1, … (sharing=private), or waits for the first
/// (sharing=locked); sharing=shared takes no lock.
Result<std::string> lock_cache(const std::string& prefix, graph::Sharing sharing,
                               std::vector<os::Fd>& locks) {
  if (sharing == graph::Sharing::kShared) return prefix;
  for (int number = 0;; ++number) {
    const std::string path = number == 0 ? prefix : fmt::format("{}.{}", prefix, number);
    os::Fd lock = TRY(os::open(path + ".lock", O_RDWR | O_CREAT, 0600));
    const int operation = LOCK_EX | (sharing == graph::Sharing::kPrivate ? LOCK_NB : 0);
    while (::flock(lock.get(), operation) != 0) {
      if (errno == EINTR) continue;
      if (errno != EWOULDBLOCK) return fail(system_error("can't lock the cache mount", path));
      lock.reset();
      break;
    }
    if (!lock) continue;
    locks.push_back(std::move(lock));
    return path;
  }
}

}  // namespace

std::string ExecMounts::new_path() { return fmt::format("{}/{}", directory_, count_++); }

Result<void> ExecMounts::add_apt_sources(const std::string& suite) {
  const std::string sources = new_path();
  const std::string text = TRY(bootstrap::sources_for(suite));
  TRY_VOID(os::write_file(sources, text));
  mounts_.push_back(sandbox::Bind{.source = sources, .target = "/etc/apt/sources.list.d/debian.sources"});
  const bootstrap::AptOptions options = TRY(bootstrap::apt_options());
  const std::string conf = bootstrap::apt_conf(options);
  if (conf.empty()) return {};
  const std::string path = new_path();
  TRY_VOID(os::write_file(path, conf));
  mounts_.push_back(sandbox::Bind{.source = path, .target = "/etc/apt/apt.conf.d/00pgstrata"});
  return {};
}

Result<void> ExecMounts::add_script(const graph::ScriptFile& script) {
  const std::string path = new_path();
  TRY_VOID(os::write_file(path, script.text));
  if (::chmod(path.c_str(), 0755) != 0) return fail(system_error("can't prepare the script", path));
  mounts_.push_back(sandbox::Bind{.source = path, .target = script.path});
  return {};
}

Result<std::string> ExecMounts::lay_out(const filetree::FileTree& tree, const std::string& top) {
  filetree::ChangeSet entries = TRY(tree.walk(top));
  const std::string below = top.empty() ? "" : top + "/";
  // A single file is laid out as the only one of a directory.
  const bool single = entries.front().type != EntryType::kDirectory;
  const std::string name(filetree::base_name(top));
  // The tar's times are whole seconds, but the context knows by the whole one that a file is as it was
  // hashed.
  std::map<std::string, std::int64_t> mtimes;
  for (filetree::Entry& entry : entries) {
    if (entry.type == filetree::EntryType::kRegular) mtimes[entry.path] = entry.mtime_ns;
    entry.path = single ? name : entry.path.substr(std::min(below.size(), entry.path.size()));
    if (entry.type == EntryType::kHardLink) entry.link = entry.link.substr(below.size());
  }
  if (single) {
    filetree::Entry root;
    root.type = EntryType::kDirectory;
    root.mode = 0755;
    entries.insert(entries.begin(), root);
  }
  const std::string path = new_path();
  const auto open = [&](const filetree::Entry& entry) -> Result<filetree::Content> {
    filetree::Entry original = entry;
    original.path = single ? top : below + entry.path;
    original.mtime_ns = mtimes.at(original.path);
    return tree.open(original);
  };
  // By way of a tar, as a layer of a COPY would come here; the tar isn't kept.
  const content::Ingest tar = TRY(inputs_.layers.content().ingest());
  const auto sink = [&](std::span<const std::byte> bytes) {
    return os::write_all(tar.fd(), bytes, tar.path());
  };
  const auto written = TRY(layer::write_layer(std::move(entries), open, {}, sink));
  TRY_VOID(layer::unpack_layer(written.changes, tar.fd(), path, {.rootless = sandbox::is_rootless()}));
  return path;
}

Result<void> ExecMounts::mount_bind(std::size_t index, const graph::BindMount& mount, std::string file,
                                    RecordedOverlaySpec spec) {
  spec.directory = new_path();
  spec.rootless = sandbox::is_rootless();
  spec.record = inputs_.read_sets;
  TRY_VOID(os::make_directories(spec.directory + (mount.read_write ? "/upper" : "")));
  RecordedOverlay overlay = TRY(RecordedOverlay::mount(spec));
  mounts_.push_back(sandbox::Bind{.source = overlay.target() + (file.empty() ? "" : "/" + file),
                                  .target = mount.target,
                                  .read_only = !mount.read_write});
  binds_.push_back({.index = index, .file = std::move(file), .overlay = std::move(overlay)});
  return {};
}

Result<void> ExecMounts::add_bind(std::size_t index, const graph::BindMount& mount,
                                  const filetree::FileTree* tree, const Chain& stage) {
  if (tree != nullptr) {
    const std::string top = TRY(source_within(*tree, mount.source));
    const bool directory = TRY(is_directory(*tree, top));
    const bool acls = has_acls(TRY(tree->walk(top)));
    std::string laid_out = TRY(lay_out(*tree, top));
    return mount_bind(index, mount, directory ? "" : std::string(filetree::base_name(top)),
                      {.lowerdirs = {std::move(laid_out)}, .acls = acls});
  }
  views_.push_back(TRY(inputs_.layers.view(stage.layers, "the stage")));
  const snapshot::ChainView& view = *views_.back();
  const std::string top = TRY(source_within(view, mount.source));
  const bool directory = TRY(is_directory(view, top));
  auto lowerdirs = TRY(inputs_.layers.lowerdirs(stage.layers, sandbox::is_rootless()));
  const bool acls = TRY(inputs_.layers.may_have_acls(stage.layers));
  const std::string target = new_path();
  TRY_VOID(os::make_directories(target));
  stages_.push_back(TRY(snapshot::mount_overlay(
      {.lowerdirs = std::move(lowerdirs), .target = target, .userxattr = sandbox::is_rootless()})));
  const std::string shown(directory ? std::string_view(top) : filetree::parent_path(top));
  return mount_bind(index, mount, directory ? "" : std::string(filetree::base_name(top)),
                    {.lowerdirs = {shown.empty() ? target : target + "/" + shown},
                     .acls = acls,
                     .shown_mtime = below(shown, shown_times(stage, view))});
}

Result<std::vector<cache::AskedMount>> ExecMounts::finish() {
  std::vector<cache::AskedMount> asked;
  for (BindMounted& bind : binds_) {
    auto observations = TRY(bind.overlay.finish());
    if (!observations) continue;
    cache::AskedMount mount{.mount = bind.index, .observations = {}, .values = {}};
    for (filetree::Observation& observation : *observations) {
      // Of a file that is mounted alone, its directory is of our making.
      if (!bind.file.empty() && observation.path != bind.file) continue;
      if (!bind.file.empty()) observation.path.clear();
      mount.observations.push_back(std::move(observation));
    }
    asked.push_back(std::move(mount));
  }
  return asked;
}

Result<void> ExecMounts::add_cache(const graph::CacheMount& mount, const filetree::FileTree* seed,
                                   const oci::Digest& content) {
  const std::string root = inputs_.layers.content().root() + "/cache-mounts";
  TRY_VOID(os::make_directories(root, 0711));
  // An owner that was given makes a directory of its own, with nothing in it.
  if (mount.owned) seed = nullptr;
  // The id is any text; the source is part of what the cache holds, and so is an owner that was given.
  const std::string owner = fmt::format("{:o} {}:{}", mount.mode, mount.uid, mount.gid);
  const std::string id = oci::KeyHasher("pgstrata.cache-mount.v2")
                             .add("id", mount.id)
                             .add("source", mount.from ? mount.source : "")
                             .add("content", content)
                             .add("owner", mount.owned ? owner : "")
                             .finish()
                             .hex();
  const std::string path = TRY(lock_cache(root + "/" + id, mount.sharing, locks_));
  if (!os::exists(path)) {
    if (seed != nullptr) {
      const std::string top = TRY(source_within(*seed, mount.source));
      const std::string laid_out = TRY(lay_out(*seed, top));
      if (::rename(laid_out.c_str(), path.c_str()) != 0 && errno != EEXIST && errno != ENOTEMPTY)
        return fail(system_error("can't make the cache mount", path));
    } else {
      TRY_VOID(os::make_directories(path));
      if (::chmod(path.c_str(), mount.mode) != 0 || ::chown(path.c_str(), mount.uid, mount.gid) != 0)
        return fail(system_error("can't set the owner of the cache mount", path));
    }
  }
  mounts_.push_back(sandbox::Bind{.source = path, .target = mount.target, .read_only = mount.read_only});
  return {};
}

Result<void> ExecMounts::add_tmpfs(const graph::TmpfsMount& mount) {
  mounts_.push_back(sandbox::Tmpfs{.target = mount.target, .size = mount.size});
  return {};
}

Result<std::optional<std::string>> ExecMounts::add_secret(const graph::SecretMount& mount) {
  const auto found = inputs_.secrets.find(mount.id);
  if (found == inputs_.secrets.end()) {
    if (!mount.required) return mount.env ? std::optional(*mount.env + "=") : std::nullopt;
    return fail({.kind = ErrorKind::kUsage,
                 .what = fmt::format("the step requires the secret \"{}\"", mount.id),
                 .next = fmt::format("give it with --secret id={},src=FILE", mount.id)});
  }
  if (mount.target) {
    const std::string path = new_path();
    TRY_VOID(os::write_file(path, found->second.value, 0600));
    if (::chown(path.c_str(), mount.uid, mount.gid) != 0 || ::chmod(path.c_str(), mount.mode) != 0)
      return fail(system_error("can't set the owner of the secret", mount.id));
    mounts_.push_back(sandbox::Bind{.source = path, .target = *mount.target});
  }
  if (!mount.env) return std::nullopt;
  return *mount.env + "=" + found->second.value;
}

Result<void> ExecMounts::add_ssh(const graph::SshMount& mount) {
  const auto found = inputs_.ssh_agents.find(mount.id);
  if (found == inputs_.ssh_agents.end()) {
    if (!mount.required) return {};
    return fail({.kind = ErrorKind::kUsage,
                 .what = fmt::format("the step requires the ssh-agent \"{}\"", mount.id),
                 .next = fmt::format("give it with --ssh {0}, or a key with --ssh {0}=FILE", mount.id)});
  }
  const std::string path = new_path();
  auto agent = AgentSocket::open(path, found->second, {mount.mode, mount.uid, mount.gid});
  if (!agent) {
    Error error = std::move(agent).error();
    error.why = fmt::format("{}: {}", std::exchange(error.where, {}), error.why);
    return fail(std::move(error));
  }
  agents_.push_back(std::move(*agent));
  mounts_.push_back(sandbox::Bind{.source = path, .target = mount.target, .read_only = false});
  return {};
}

}  // namespace pgstrata::solver
