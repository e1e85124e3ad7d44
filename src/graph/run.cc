// RUN: the command line, heredocs and mounts.
#include <fmt/format.h>

#include "core/clean_path.h"
#include "dockerfile/characters.h"
#include "dockerfile/go_syntax.h"
#include "graph/arguments.h"
#include "graph/stage_builder.h"

namespace pgstrata::graph {
namespace {

using dockerfile::Heredoc;

// Where a heredoc with a "#!" line is mounted.
constexpr std::string_view kScriptDirectory = "/dev/pipes/";

std::string first_line(const std::string& text) {
  const std::string_view trimmed = dockerfile::trim(text);
  const std::size_t newline = trimmed.find('\n');
  if (newline == std::string_view::npos) return std::string(trimmed);
  return std::string(dockerfile::trim(trimmed.substr(0, newline))) + "...";
}

Network network_of(dockerfile::RunNetwork written, Network otherwise) {
  switch (written) {
    case dockerfile::RunNetwork::kNone:
      return Network::kNone;
    case dockerfile::RunNetwork::kHost:
      return Network::kHost;
    case dockerfile::RunNetwork::kDefault:
      break;
  }
  return otherwise;
}

std::string joined_path(const std::string& source) { return clean_path("/" + source); }

// An explicit mode, owner or group; BuildKit's defaults differ between the types only in the mode.
template <class Mount>
void set_owner(Mount& mount, const dockerfile::FileOwner& owner) {
  if (owner.mode) mount.mode = *owner.mode;
  if (owner.uid) mount.uid = *owner.uid;
  if (owner.gid) mount.gid = *owner.gid;
}

// Of a part of the flag's value, or of the flag.
dockerfile::SourceRange place_of_mount(const dockerfile::Instruction& instruction,
                                       const dockerfile::MountFlag& flag, const std::string& part) {
  const std::size_t offset = part.empty() ? std::string::npos : instruction.text.find(part, flag.offset);
  return dockerfile::place_in(instruction.pieces, offset == std::string::npos ? flag.offset : offset,
                              instruction.range);
}

}  // namespace

struct StageBuilder::ShellCommand {
  std::vector<std::string> argv;
  std::vector<ScriptFile> scripts;
  std::string summary;  ///< of a lone heredoc, for progress
};

Result<StageBuilder::ShellCommand> StageBuilder::run_command(const dockerfile::Run& run) {
  ShellCommand made;
  const std::vector<Heredoc>& heredocs = step_->instruction.heredocs;
  dockerfile::CommandLine command = run.command;
  if (!heredocs.empty() && !command.words.empty()) {
    std::string& text = command.words.front();
    if (const auto alone = dockerfile::parse_heredoc(text); alone && *alone) {
      const std::string body = chomped(heredocs.front());
      made.summary = fmt::format(" ({})", first_line(body));
      text = body;
      if (body.starts_with("#!")) {
        text = std::string(kScriptDirectory) + heredocs.front().name;
        made.scripts.push_back({.path = text, .text = body});
      }
    } else {
      // The shell reads them itself.
      for (const Heredoc& heredoc : heredocs) text += "\n" + heredoc.content + heredoc.name;
    }
  }
  made.argv = with_shell(command);
  if (made.argv.empty())
    return fail(error("RUN has no command", "write the program as the first element of the list"));
  return made;
}

Result<std::string> StageBuilder::mount_target(const dockerfile::MountFlag& flag,
                                               const std::string& target) const {
  const std::string path = clean_path(target.starts_with('/') ? target : working_dir() + "/" + target);
  if (path == "/")
    return fail(input_.dockerfile.source.error(
        place_of_mount(step_->instruction, flag, target),
        fmt::format("invalid mount target \"{}\"", target.empty() ? "/" : target),
        "give target=PATH, below the root"));
  return path;
}

Result<ExecMount> StageBuilder::exec_mount(const dockerfile::MountFlag& flag, std::size_t& ssh_count) {
  std::string wrong_field;
  auto resolved = dockerfile::resolve_mount(flag, lookup_in(state_.env),
                                            input_.dockerfile.directives.escape, &wrong_field);
  if (!resolved)
    return fail(input_.dockerfile.source.located(std::move(resolved).error(),
                                                 place_of_mount(step_->instruction, flag, wrong_field)));
  dockerfile::MountSpec& spec = *resolved;
  if (auto* bind = std::get_if<dockerfile::BindMountSpec>(&spec)) {
    BindMount mount{.from = TRY(input_from(flag.from, false)), .read_write = !bind->read_only};
    mount.source = joined_path(bind->source);
    mount.target = TRY(mount_target(flag, bind->target));
    return mount;
  }
  if (auto* cache = std::get_if<dockerfile::CacheMountSpec>(&spec)) {
    const std::string name = cache->id.empty() ? clean_path(cache->target) : cache->id;
    CacheMount mount{.id = build_argument(input_.request, "BUILDKIT_CACHE_MOUNT_NS", "") + "/" + name,
                     .target = {},
                     .from = std::nullopt,
                     .source = joined_path(cache->source),
                     .sharing = static_cast<Sharing>(cache->sharing),
                     .read_only = cache->read_only};
    mount.target = TRY(mount_target(flag, cache->target));
    if (!flag.from.empty()) mount.from = TRY(input_from(flag.from, false));
    // A source without "from" is looked for in nothing.
    if (flag.from.empty() && mount.source != "/") mount.from = VertexInput{};
    // Below a source directory BuildKit takes what is there.
    const dockerfile::FileOwner& owner = cache->owner;
    mount.owned = mount.source == "/" && (owner.mode || owner.uid || owner.gid);
    if (mount.owned) set_owner(mount, owner);
    return mount;
  }
  if (auto* tmpfs = std::get_if<dockerfile::TmpfsMountSpec>(&spec)) {
    // It has no use for a source, but BuildKit wants it to exist.
    if (!flag.from.empty()) TRY(input_from(flag.from, false));
    return TmpfsMount{.target = TRY(mount_target(flag, tmpfs->target)), .size = tmpfs->size};
  }
  if (auto* secret = std::get_if<dockerfile::SecretMountSpec>(&spec)) {
    SecretMount mount{.id = secret->id, .target = {}, .env = secret->env, .required = secret->required};
    if (secret->target) mount.target = TRY(mount_target(flag, *secret->target));
    set_owner(mount, secret->owner);
    return mount;
  }
  auto& ssh = std::get<dockerfile::SshMountSpec>(spec);
  const std::string socket = fmt::format("/run/buildkit/ssh_agent.{}", ssh_count++);
  SshMount mount{.id = ssh.id, .target = socket, .required = ssh.required};
  if (!ssh.target.empty()) mount.target = TRY(mount_target(flag, ssh.target));
  set_owner(mount, ssh.owner);
  return mount;
}

std::string StageBuilder::run_name(const dockerfile::Run& run, const std::string& summary) const {
  // A secret in the environment is named, not looked up; unset variables are the shell's.
  const auto masked = [this, &run](std::string_view name) -> std::optional<std::string> {
    for (const dockerfile::MountFlag& flag : run.mounts)
      for (const std::string& field : flag.fields)
        if (field == "env=" + std::string(name)) return "****";
    return state_.env.get(name);
  };
  const std::string text = step_->instruction.text + summary;
  auto expanded = dockerfile::expand(
      text, masked,
      {.escape = input_.dockerfile.directives.escape, .keep_quotes = true, .keep_unset = true});
  std::string name = expanded ? *expanded : text;
  const std::string& keyword = step_->instruction.keyword;
  if (name.starts_with(keyword)) name = dockerfile::to_upper(keyword) + name.substr(keyword.size());
  return name;
}

std::string StageBuilder::run_history(const std::vector<std::string>& argv) const {
  std::string arguments;
  for (const auto& [name, declared] : state_.args)
    arguments += fmt::format(" {}={}", name, state_.env.get(name).value_or(declared));
  const std::string prefix =
      state_.args.empty() ? "" : fmt::format("|{}{} ", state_.args.size(), arguments);
  return fmt::format("RUN {}{} # buildkit", prefix, fmt::join(argv, " "));
}

Result<void> StageBuilder::act(const dockerfile::Run& run) {
  if (run.network == dockerfile::RunNetwork::kHost && !input_.request.entitlements.contains("network.host"))
    return fail(
        error("RUN --network=host is not allowed",
              "allow it with --allow network.host, or remove the flag: the network is that of the machine "
              "unless --network=none is given"));
  const bool insecure = run.security == dockerfile::RunSecurity::kInsecure;
  if (insecure && !input_.request.entitlements.contains("security.insecure"))
    return fail(error("RUN --security=insecure is not allowed",
                      "allow it with --allow security.insecure, or remove the flag: the step gets all "
                      "capabilities that pgstrata has, and an unmasked /proc and /sys"));
  ShellCommand command = TRY(run_command(run));
  ExecOp exec{.argv = std::move(command.argv),
              .env = state_.env.list(),
              .cwd = configured_dir(),
              .user = state_.config.config.user,
              .network = network_of(run.network, input_.request.network),
              .insecure = insecure,
              .hostname = build_argument(input_.request, "BUILDKIT_SANDBOX_HOSTNAME", "buildkitsandbox"),
              .scripts = std::move(command.scripts),
              .limits = input_.request.limits};
  exec.proxy_env = input_.proxy_env;
  for (const dockerfile::Device& device : run.devices)
    exec.devices.push_back({.name = device.name, .required = device.required});
  std::size_t ssh_count = 0;
  for (const dockerfile::MountFlag& flag : run.mounts)
    exec.mounts.push_back(TRY(exec_mount(flag, ssh_count)));
  // Of several agents the first is the one that ssh finds.
  for (const ExecMount& mount : exec.mounts)
    if (const auto* ssh = std::get_if<SshMount>(&mount)) {
      if (!state_.env.has("SSH_AUTH_SOCK")) exec.env.push_back("SSH_AUTH_SOCK=" + ssh->target);
      break;
    }
  const std::string history = run_history(exec.argv);
  add_vertex(std::move(exec), run_name(run, command.summary), history, false);
  return {};
}

}  // namespace pgstrata::graph
