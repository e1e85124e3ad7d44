#include "solver/devices.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <map>

namespace pgstrata::solver {
namespace {

using graph::DeviceRequest;
using graph::ExecOp;

/// What --allow says of devices.
struct Rules {
  bool all = false;
  std::set<std::string> names;
  std::map<std::string, std::string> aliases;  ///< as a RUN calls it → its name
};

Rules rules_of(const std::set<std::string>& allowed) {
  Rules rules;
  for (std::string_view word : allowed) {
    if (word == "device" || word == "device=") rules.all = true;
    if (!word.starts_with("device=")) continue;
    word.remove_prefix(std::string_view("device=").size());
    const std::string name(word.substr(0, word.find(',')));
    const std::size_t alias = word.find(",alias=");
    if (alias == std::string_view::npos)
      rules.names.insert(name);
    else
      rules.aliases[std::string(word.substr(alias + std::string_view(",alias=").size()))] = name;
  }
  return rules;
}

Error unknown(const std::string& name, const cdi::Registry& registry) {
  std::string why = "no CDI specification of this machine has it";
  for (const std::string& problem : registry.problems()) why += "; " + problem;
  return {.kind = ErrorKind::kUsage,
          .what = fmt::format("the step requires the device \"{}\"", name),
          .why = std::move(why),
          .next = "describe it in a JSON file in /etc/cdi or /var/run/cdi, or leave out \"required\""};
}

Error forbidden(const std::string& name) {
  return {.kind = ErrorKind::kUsage,
          .what = fmt::format("the step asks for the device \"{}\", which isn't allowed", name),
          .next = fmt::format("allow it with --allow device={}, or all devices with --allow device", name)};
}

bool may_use(const std::string& device, const Rules& rules, const cdi::Registry& registry) {
  if (rules.all || registry.allows_itself(device)) return true;
  return std::any_of(rules.names.begin(), rules.names.end(), [&](const std::string& name) {
    const std::vector<std::string> meant = registry.find(name);
    return std::find(meant.begin(), meant.end(), device) != meant.end();
  });
}

Result<std::vector<DeviceRequest>> resolve(const ExecOp& op, const Rules& rules,
                                           const cdi::Registry& registry) {
  std::vector<DeviceRequest> resolved;
  for (const DeviceRequest& request : op.devices) {
    const auto alias = rules.all ? rules.aliases.end() : rules.aliases.find(request.name);
    const bool renamed = alias != rules.aliases.end();
    const std::vector<std::string> meant = registry.find(renamed ? alias->second : request.name);
    if (meant.empty() && request.required) return fail(unknown(request.name, registry));
    for (const std::string& device : meant) {
      if (!renamed && !may_use(device, rules, registry)) return fail(forbidden(device));
      const auto is_it = [&device](const DeviceRequest& other) { return other.name == device; };
      if (std::none_of(resolved.begin(), resolved.end(), is_it))
        resolved.push_back({.name = device, .required = true});
    }
  }
  return resolved;
}

/// What the specification leaves open is as the machine's node has it.
Result<sandbox::DeviceNode> complete(const cdi::DeviceNode& node, const sandbox::ProcessSpec& spec) {
  sandbox::DeviceNode made{.path = node.path,
                           .source = node.host_path.empty() ? node.path : node.host_path,
                           .type = node.type,
                           .major = node.major,
                           .minor = node.minor,
                           .mode = node.mode.value_or(0666) & 0777,
                           .uid = node.uid.value_or(spec.uid),
                           .gid = node.gid.value_or(spec.gid)};
  const bool whole = made.type == 'p' || (made.type != 0 && made.major != 0);
  struct stat status {};
  if (::lstat(made.source.c_str(), &status) != 0) {
    if (whole) return made;
    Error error = system_error("the device isn't on this machine", made.source);
    error.kind = ErrorKind::kMachine;
    return fail(std::move(error));
  }
  if (!node.mode) made.mode = status.st_mode & 0777;
  if (whole) return made;
  const char type = S_ISCHR(status.st_mode)    ? 'c'
                    : S_ISBLK(status.st_mode)  ? 'b'
                    : S_ISFIFO(status.st_mode) ? 'p'
                                               : 0;
  if (type == 0 || (made.type != 0 && made.type != type))
    return fail({.kind = ErrorKind::kMachine,
                 .what = "the device isn't of the type that its CDI specification says",
                 .where = made.source});
  made.type = type;
  if (made.major == 0) {
    made.major = major(status.st_rdev);
    made.minor = minor(status.st_rdev);
  }
  return made;
}

Result<sandbox::Mount> mount_of(const cdi::Mount& mount) {
  const auto has = [&mount](const char* option) {
    return std::find(mount.options.begin(), mount.options.end(), option) != mount.options.end();
  };
  if (mount.type == "tmpfs") return sandbox::Mount(sandbox::Tmpfs{.target = mount.container_path});
  if (mount.type.empty() || mount.type == "bind" || mount.type == "none" || has("bind") || has("rbind"))
    return sandbox::Mount(
        sandbox::Bind{.source = mount.host_path, .target = mount.container_path, .read_only = has("ro")});
  return fail(
      {.kind = ErrorKind::kMachine,
       .what = fmt::format("a CDI specification wants a mount of type {} on {}, which isn't supported",
                           mount.type, mount.container_path)});
}

void set_variable(std::vector<std::string>& env, const std::string& variable) {
  const std::string name = variable.substr(0, variable.find('=') + 1);
  for (std::string& other : env) {
    if (!other.starts_with(name)) continue;
    other = variable;
    return;
  }
  env.push_back(variable);
}

}  // namespace

Result<void> resolve_devices(graph::BuildGraph& graph, const std::set<std::string>& allowed,
                             const cdi::Registry& registry, const std::string& dockerfile) {
  const Rules rules = rules_of(allowed);
  for (graph::Vertex& vertex : graph.vertices) {
    auto* op = std::get_if<ExecOp>(&vertex.op);
    if (op == nullptr || op->devices.empty()) continue;
    auto resolved = resolve(*op, rules, registry);
    if (!resolved) {
      resolved.error().where = fmt::format("{}:{}", dockerfile, vertex.location.line);
      return fail(std::move(resolved).error());
    }
    op->devices = std::move(*resolved);
  }
  return {};
}

Result<std::unique_ptr<cdi::Registry>> resolve_devices(graph::BuildGraph& graph,
                                                       const std::set<std::string>& allowed,
                                                       const std::string& dockerfile) {
  const bool wanted =
      std::any_of(graph.vertices.begin(), graph.vertices.end(), [](const graph::Vertex& vertex) {
        const auto* op = std::get_if<ExecOp>(&vertex.op);
        return op != nullptr && !op->devices.empty();
      });
  if (!wanted) return nullptr;
  auto registry =
      std::make_unique<cdi::Registry>(cdi::Registry::read(cdi::Registry::default_directories()));
  TRY_VOID(resolve_devices(graph, allowed, *registry, dockerfile));
  return registry;
}

Result<void> add_devices(const ExecOp& op, const cdi::Registry& registry, sandbox::ProcessSpec& spec) {
  std::vector<std::string> names;
  for (const DeviceRequest& device : op.devices) names.push_back(device.name);
  const cdi::ContainerEdits edits = registry.edits(names);
  if (!edits.unsupported.empty())
    return fail({.kind = ErrorKind::kMachine,
                 .what = fmt::format("can't make the device {} usable", fmt::join(names, ", ")),
                 .why = fmt::format("its CDI specification has {}, which pgstrata doesn't support",
                                    fmt::join(edits.unsupported, ", ")),
                 .next = "write a specification with deviceNodes, mounts and env alone"});
  for (const std::string& variable : edits.env) set_variable(spec.env, variable);
  for (const cdi::DeviceNode& node : edits.nodes) spec.devices.push_back(TRY(complete(node, spec)));
  for (const cdi::Mount& mount : edits.mounts) spec.mounts.push_back(TRY(mount_of(mount)));
  for (const std::uint32_t group : edits.groups)
    if (group != 0 && std::find(spec.groups.begin(), spec.groups.end(), group) == spec.groups.end())
      spec.groups.push_back(group);
  return {};
}

}  // namespace pgstrata::solver
