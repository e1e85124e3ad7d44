// RUN: an overlay on the chain below, the sandbox in it, and a layer from what it left in the upper
// directory.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "core/clean_path.h"
#include "filetree/resolve.h"
#include "os/file.h"
#include "sandbox/user_namespace.h"
#include "snapshot/upper_dir.h"
#include "solver/build_executor.h"
#include "solver/devices.h"
#include "solver/exec_mounts.h"
#include "solver/foreign_program.h"
#include "solver/recorded_overlay.h"
#include "solver/shown_times.h"
#include "users/users.h"

namespace pgstrata::solver {
namespace {

using graph::VertexId;

constexpr int kNotFound = 127;

/// A directory for one step's mounts and upper directory; removed with all that is in it.
class StepDirectory {
 public:
  static Result<StepDirectory> make(const content::ContentStore& content) {
    StepDirectory directory(content.temporary_path("step"));
    TRY_VOID(os::make_directories(directory.path_ + "/mounts", 0711));
    return directory;
  }
  StepDirectory(StepDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  StepDirectory& operator=(StepDirectory&&) = delete;
  ~StepDirectory() {
    // What can't be removed now is in tmp/, which a later build clears (store/build_lock.h).
    if (!path_.empty()) static_cast<void>(os::remove_tree(path_).has_value());
  }
  [[nodiscard]] std::string path(const char* part) const { return path_ + part; }

 private:
  explicit StepDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

std::string describe(const sandbox::ExitStatus& status) {
  if (const auto* exited = std::get_if<sandbox::Exited>(&status))
    return fmt::format("exit code {}", exited->code);
  const int signal = std::get<sandbox::Signalled>(status).signal;
  return fmt::format("killed by signal {} ({})", signal, ::sigabbrev_np(signal));
}

rlim_t limit_value(std::int64_t value) { return value < 0 ? RLIM_INFINITY : static_cast<rlim_t>(value); }

void set_limits(const graph::ExecLimits& limits, sandbox::ProcessSpec& spec) {
  for (const graph::ExtraHost& host : limits.hosts) spec.extra_hosts.emplace_back(host.name, host.address);
  for (const graph::Ulimit& limit : limits.ulimits)
    if (const auto number = sandbox::limit_number(limit.name))
      spec.limits.push_back({*number, limit_value(limit.soft), limit_value(limit.hard)});
}

/// "NAME=value" in place of the value that the name may have.
void set_variable(std::vector<std::string>& env, const std::string& variable) {
  const std::string name = variable.substr(0, variable.find('=') + 1);
  std::erase_if(env, [&name](const std::string& other) { return other.starts_with(name); });
  env.push_back(variable);
}

/// As BuildKit mounts: what lies deeper comes later, whatever the order of the flags.
void sort_by_depth(std::vector<sandbox::Mount>& mounts) {
  const auto depth = [](const sandbox::Mount& mount) {
    const std::string& target = target_of(mount);
    return std::count(target.begin(), target.end(), '/');
  };
  std::stable_sort(mounts.begin(), mounts.end(),
                   [&depth](const auto& one, const auto& other) { return depth(one) < depth(other); });
}

/// Of several mounts on one target BuildKit keeps the last, at the place of the first (executor/oci,
/// mounts.go).
void keep_last_of_each_target(std::vector<sandbox::Mount>& mounts) {
  std::map<std::string, std::size_t> places;
  std::vector<sandbox::Mount> kept;
  for (sandbox::Mount& mount : mounts) {
    const auto [place, is_new] = places.try_emplace(clean_path(target_of(mount)), kept.size());
    if (is_new)
      kept.push_back(std::move(mount));
    else
      kept[place->second] = std::move(mount);
  }
  mounts = std::move(kept);
}

bool has_variable(const std::vector<std::string>& env, std::string_view name) {
  for (const std::string& item : env)
    if (item.starts_with(std::string(name) + "=")) return true;
  return false;
}

/// BuildKit (client/llb, exec.go) puts secrets behind all other mounts, and agents last.
int rank(const graph::ExecMount& mount) {
  if (std::holds_alternative<graph::SshMount>(mount)) return 2;
  return std::holds_alternative<graph::SecretMount>(mount) ? 1 : 0;
}

std::vector<std::size_t> in_mount_order(const std::vector<graph::ExecMount>& mounts) {
  std::vector<std::size_t> order(mounts.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&mounts](std::size_t one, std::size_t other) {
    return rank(mounts[one]) < rank(mounts[other]);
  });
  return order;
}

}  // namespace

Result<void> BuildExecutor::add_mounts(const graph::ExecOp& op, const Results& done, ExecMounts& mounts,
                                       std::vector<std::string>& env) {
  for (const graph::ScriptFile& script : op.scripts) TRY_VOID(mounts.add_script(script));
  for (const std::size_t index : in_mount_order(op.mounts)) {
    const graph::ExecMount& mount = op.mounts[index];
    if (const auto* bind = std::get_if<graph::BindMount>(&mount)) {
      std::unique_ptr<snapshot::ChainView> view;
      const filetree::FileTree* tree = TRY(tree_of(bind->from, done, view));
      const std::scoped_lock lock(context_mutex_);
      if (const auto* stage = std::get_if<graph::VertexInput>(&bind->from))
        TRY_VOID(
            mounts.add_bind(index, *bind, nullptr, stage->vertex ? done[*stage->vertex]->chain : Chain{}));
      else
        TRY_VOID(mounts.add_bind(index, *bind, tree, {}));
    } else if (const auto* cache = std::get_if<graph::CacheMount>(&mount)) {
      std::unique_ptr<snapshot::ChainView> view;
      const filetree::FileTree* seed = cache->from ? TRY(tree_of(*cache->from, done, view)) : nullptr;
      oci::Digest content;
      if (cache->from) content = TRY(mounted_content(*cache->from, cache->source, done));
      TRY_VOID(mounts.add_cache(*cache, seed, content));
    } else if (const auto* tmpfs = std::get_if<graph::TmpfsMount>(&mount)) {
      TRY_VOID(mounts.add_tmpfs(*tmpfs));
    } else if (const auto* secret = std::get_if<graph::SecretMount>(&mount)) {
      if (const auto variable = TRY(mounts.add_secret(*secret))) set_variable(env, *variable);
    } else {
      TRY_VOID(mounts.add_ssh(std::get<graph::SshMount>(mount)));
    }
  }
  return {};
}

/// The suite of the bootstrapped base that the vertex stands on, or "".
std::string BuildExecutor::bootstrapped_suite(VertexId id) const {
  for (std::optional<VertexId> at = id; at; at = inputs_.graph.vertices[*at].parent) {
    const auto* source = std::get_if<graph::SourceOp>(&inputs_.graph.vertices[*at].op);
    if (source == nullptr) continue;
    const auto base = inputs_.bases.resolve(source->reference, source->platform);
    if (!base) return "";
    const auto& labels = (*base)->image.config.config.labels;
    const auto suite = labels.find(kBootstrapLabel);
    return suite == labels.end() ? "" : suite->second;
  }
  return "";
}

Result<sandbox::ProcessSpec> BuildExecutor::process_spec(VertexId id, const Results& done,
                                                         const users::Identity& identity,
                                                         ExecMounts& mounts) {
  const auto& op = std::get<graph::ExecOp>(inputs_.graph.vertices[id].op);
  sandbox::ProcessSpec spec{.argv = op.argv,
                            .env = op.env,
                            .cwd = op.cwd,
                            .uid = identity.uid,
                            .gid = identity.gid,
                            .groups = identity.groups,
                            .hostname = op.hostname,
                            .host_network = op.network != graph::Network::kNone,
                            .insecure = op.insecure};
  set_limits(op.limits, spec);
  for (const std::string& proxy : op.proxy_env) set_variable(spec.env, proxy);
  if (const std::string suite = bootstrapped_suite(id); !suite.empty())
    TRY_VOID(mounts.add_apt_sources(suite));
  TRY_VOID(add_mounts(op, done, mounts, spec.env));
  if (!has_variable(spec.env, "HOME")) spec.env.push_back("HOME=" + identity.home);
  spec.mounts = mounts.mounts();
  // As BuildKit has it, a mount like those of the step, and behind them: --shm-size has the last word.
  if (op.limits.shm_size != 0)
    spec.mounts.push_back(sandbox::Tmpfs{.target = "/dev/shm", .size = op.limits.shm_size});
  if (!op.devices.empty() && inputs_.devices != nullptr) TRY_VOID(add_devices(op, *inputs_.devices, spec));
  keep_last_of_each_target(spec.mounts);
  sort_by_depth(spec.mounts);
  return spec;
}

Result<cache::LayerRow> BuildExecutor::run_exec(VertexId id, const Results& done, Prepared& prepared,
                                                const std::stop_token& stop) {
  const auto& op = std::get<graph::ExecOp>(inputs_.graph.vertices[id].op);
  const Chain below = chain_below(id, done);
  const auto view = TRY(inputs_.layers.view(below.layers, "the stage"));
  const users::Identity identity = TRY(users::resolve_identity(*view, op.user));

  const StepDirectory directory = TRY(StepDirectory::make(inputs_.layers.content()));
  TRY_VOID(snapshot::make_upper(directory.path("/upper"), *view));
  ExecMounts mounts(inputs_, directory.path("/mounts"));
  sandbox::ProcessSpec spec = TRY(process_spec(id, done, identity, mounts));
  {
    auto lowerdirs = TRY(inputs_.layers.lowerdirs(below.layers, sandbox::is_rootless()));
    const bool acls = TRY(inputs_.layers.may_have_acls(below.layers));
    RecordedOverlay root = TRY(RecordedOverlay::mount({.lowerdirs = std::move(lowerdirs),
                                                       .directory = directory.path(""),
                                                       .rootless = sandbox::is_rootless(),
                                                       .record = inputs_.read_sets,
                                                       .acls = acls,
                                                       .shown_mtime = shown_times(below, *view)}));
    spec.rootfs = root.target();
    auto ended = run_program(id, spec, stop);
    // If the recorder broke off, that is why the program failed.
    prepared.asked = TRY(root.finish());
    prepared.asked_mounts = TRY(mounts.finish());
    // What may mount and open devices has ways to the machine that no recorder sees.
    if (op.insecure || !op.devices.empty()) prepared.asked.reset();
    if (!ended) return fail(std::move(ended).error());
    prepared.looked_up_names = *ended;
  }
  TRY_VOID(snapshot::restore_root(directory.path("/upper"), *view));
  auto changes =
      TRY(snapshot::scan_upper(directory.path("/upper"), *view, {.rootless = sandbox::is_rootless()}));
  TRY_VOID(snapshot::drop_attributes(directory.path("/upper"), changes));
  return inputs_.layers.add_upper(
      directory.path("/upper"), std::move(changes), {.source_date_epoch = inputs_.source_date_epoch},
      {.build = started_ns_, .began = prepared.started_ns, .ended = cache::Index::now()});
}

bool BuildExecutor::is_foreign(VertexId id) const {
  return needs_sandbox(id) &&
         inputs_.graph.vertices[id].platform.architecture != oci::Platform::host().architecture;
}

// Now, and not when its turn comes: a build that can't end isn't begun.
Result<void> BuildExecutor::check_startable(VertexId id, const Results& done) {
  const graph::Vertex& vertex = inputs_.graph.vertices[id];
  const auto root = TRY(inputs_.layers.view(chain_below(id, done).layers, "the stage"));
  const auto program = TRY(first_program(*root, std::get<graph::ExecOp>(vertex.op)));
  const content::ContentStore& content = inputs_.layers.content();
  if (!program || kernel_starts(program->header, content.temporary_path("probe"))) return {};
  return fail({.kind = ErrorKind::kMachine,
               .what = fmt::format("this machine can't run programs for {}", vertex.platform.str()),
               .where = where(id),
               .why = fmt::format("{} is for another processor, and the kernel has no emulator for it "
                                  "(binfmt_misc)",
                                  program->path),
               .next = "install one (Debian: apt-get install qemu-user-static binfmt-support), or do the "
                       "work in a stage FROM --platform=$BUILDPLATFORM"});
}

Result<bool> BuildExecutor::run_program(VertexId id, const sandbox::ProcessSpec& spec,
                                        const std::stop_token& stop) {
  const sandbox::Ended ended = TRY(inputs_.launcher.run(
      spec, [&](sandbox::Stream, std::string_view text) { inputs_.observer.output(id, text); }, stop));
  const auto* exited = std::get_if<sandbox::Exited>(&ended.status);
  if (exited != nullptr && exited->code == 0) return ended.looked_up_names;
  Error error{.kind = ErrorKind::kBuildFailed,
              .what = fmt::format("{} failed", inputs_.graph.vertices[id].instruction),
              .where = where(id),
              .why = describe(ended.status)};
  if (exited != nullptr && exited->code == kNotFound && is_foreign(id))
    error.next =
        fmt::format("if {} is there: register its emulator with the flag F, as qemu-user-static does",
                    spec.argv.front());
  return fail(std::move(error));
}

}  // namespace pgstrata::solver
