#include "cli/llb_steps.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base64.h"
#include "oci/manifest.h"
#include "remote/source.h"

namespace pgstrata::cli {
namespace {

using Json = nlohmann::json;

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json source_op(const std::string& identifier) {
  Json json = Json::object();
  json["source"]["identifier"] = identifier;
  return json;
}

/// Of a mount whose changes are thrown away.
constexpr std::int64_t kSkipOutput = -1;

/// The fields of every mount; Go leaves out those that are 0.
Json mount_at(const std::string& destination, std::int64_t input, std::int64_t output) {
  Json json = {{"dest", destination}};
  if (input != 0) json["input"] = input;
  if (output != 0) json["output"] = output;
  return json;
}

/// "https://…", or of a repository "git://" in the place of the scheme.
std::string identifier_of(const remote::Source& source) {
  std::string uri = remote::uri(source);
  if (std::holds_alternative<remote::HttpSource>(source)) return uri;
  const std::size_t scheme = uri.find("://");
  return "git://" + (scheme == std::string::npos ? uri : uri.substr(scheme + 3));
}

/// UserOpt: a name that is looked up in the root file system, or a number.
Json user_opt(const std::string& who) {
  Json json = Json::object();
  const bool is_number =
      !who.empty() && who.size() < 10 && who.find_first_not_of("0123456789") == std::string::npos;
  if (is_number)
    json["User"]["byId"] = std::stoul(who);
  else
    json["User"]["byName"] = {{"name", who}, {"input", 0}};
  return json;
}

/// ChownOpt, of "user[:group]".
Json owner(const std::string& chown) {
  const std::size_t colon = chown.find(':');
  Json json = Json::object();
  json["user"] = user_opt(chown.substr(0, colon));
  if (colon != std::string::npos) json["group"] = user_opt(chown.substr(colon + 1));
  return json;
}

class Writer {
 public:
  Writer(const graph::BuildGraph& graph, const std::vector<solver::VertexResult>& results,
         const std::map<std::string, std::string>& references)
      : graph_(graph), results_(results), references_(references) {}

  LlbSteps run() {
    LlbSteps written;
    for (graph::VertexId id = 0; id < graph_.vertices.size(); ++id) vertex(id);
    written.steps = std::move(steps_);
    if (graph_.target.root) written.result = of_vertex_[*graph_.target.root];
    return written;
  }

 private:
  /// Inputs of one step, each once; LLB numbers them.
  struct Inputs {
    std::vector<std::size_t> steps;
    std::int64_t add(std::optional<std::size_t> step) {
      if (!step) return -1;  // an empty root
      const auto found = std::find(steps.begin(), steps.end(), *step);
      if (found != steps.end()) return found - steps.begin();
      steps.push_back(*step);
      return static_cast<std::int64_t>(steps.size()) - 1;
    }
  };

  void vertex(graph::VertexId id) {
    const graph::Vertex& vertex = graph_.vertices[id];
    Inputs inputs;
    std::string platform;
    Json op;
    if (const auto* source = std::get_if<graph::SourceOp>(&vertex.op)) {
      const auto resolved = references_.find(source->reference);
      op = source_op("docker-image://" +
                     (resolved == references_.end() ? source->reference : resolved->second));
      platform = source->platform.str();
    } else {
      const auto root =
          inputs.add(vertex.parent ? std::optional(of_vertex_[*vertex.parent]) : std::nullopt);
      if (const auto* exec = std::get_if<graph::ExecOp>(&vertex.op)) {
        op["exec"] = exec_op(*exec, root, inputs);
        platform = platform_below(id);
      } else {
        op["file"]["actions"] = file_actions(std::get<graph::FileOp>(vertex.op), root, inputs);
      }
    }
    attest::BuildStep step{.op = dump(op),
                           .platform = platform,
                           .inputs = inputs.steps,
                           .first_line = vertex.location.line,
                           .last_line = vertex.location.last_line,
                           .layers = {}};
    for (const cache::LayerRow& layer : results_[id].chain.layers)
      step.layers.push_back({.media_type = std::string(oci::media_type::kLayer),
                             .digest = layer.diff_id,
                             .size = layer.size,
                             .annotations = {},
                             .platform = {}});
    of_vertex_[id] = steps_.size();
    steps_.push_back(std::move(step));
  }

  /// Of the base that the step stands on, or the image's.
  [[nodiscard]] std::string platform_below(graph::VertexId id) const {
    for (std::optional<graph::VertexId> below = id; below; below = graph_.vertices[*below].parent)
      if (const auto* source = std::get_if<graph::SourceOp>(&graph_.vertices[*below].op))
        return source->platform.str();
    return graph_.target.config.platform.str();
  }

  /// A step that only names where something comes from, made when it is needed first.
  std::size_t source_step(const std::string& identifier) {
    const auto [found, is_new] = sources_.try_emplace(identifier, steps_.size());
    if (is_new)
      steps_.push_back({.op = dump(source_op(identifier)), .platform = "", .inputs = {}, .layers = {}});
    return found->second;
  }

  std::optional<std::size_t> step_of(const graph::Input& input) {
    if (const auto* local = std::get_if<graph::LocalInput>(&input))
      return source_step("local://" + (local->context.empty() ? "context" : local->context));
    const auto& vertex = std::get<graph::VertexInput>(input).vertex;
    return vertex ? std::optional(of_vertex_[*vertex]) : std::nullopt;
  }

  Json file_actions(const graph::FileOp& op, std::int64_t root, Inputs& inputs) {
    Json actions = Json::array();
    // Each action goes on where the one before left off; LLB numbers their results behind the inputs.
    const auto add = [&](Json action, std::int64_t secondary) {
      Json json = {{"input", root}, {"secondaryInput", secondary}, {"output", -1}};
      json["Action"] = std::move(action);
      actions.push_back(std::move(json));
    };
    if (const auto* directory = std::get_if<graph::MakeDirectory>(&op.action)) {
      Json action = Json::object();
      action["mkdir"] = {
          {"path", directory->path}, {"mode", 0755}, {"makeParents", true}, {"timestamp", -1}};
      add(std::move(action), -1);
    } else {
      copy_actions(std::get<graph::CopyAction>(op.action), inputs, add);
    }
    const auto count = static_cast<std::int64_t>(inputs.steps.size());
    for (std::size_t i = 1; i < actions.size(); ++i)
      actions[i]["input"] = count + static_cast<std::int64_t>(i) - 1;
    if (!actions.empty()) actions.back()["output"] = 0;
    return actions;
  }

  template <class Add>
  void copy_actions(const graph::CopyAction& copy, Inputs& inputs, const Add& add) {
    const auto one = [&](const std::string& source, bool unpack, std::int64_t from) {
      Json action = {{"src", source.starts_with('/') ? source : "/" + source},
                     {"dest", copy.destination},
                     {"mode", -1},
                     {"createDestPath", true},
                     {"followSymlink", true},
                     {"dirCopyContents", true},
                     {"allowWildcard", true},
                     {"allowEmptyWildcard", true},
                     {"timestamp", -1}};
      if (unpack) action["attemptUnpackDockerCompatibility"] = true;
      if (copy.chmod) action["modeStr"] = *copy.chmod;
      if (copy.chown) action["owner"] = owner(*copy.chown);
      if (!copy.exclude.empty()) action["exclude_patterns"] = copy.exclude;
      Json wrapped = Json::object();
      wrapped["copy"] = std::move(action);
      add(std::move(wrapped), from);
    };
    if (!copy.sources.empty()) {
      const std::int64_t from = inputs.add(step_of(copy.from));
      for (const std::string& source : copy.sources) one(source, copy.unpack, from);
    }
    for (const graph::RemoteFiles& files : copy.remotes) {
      one("/", files.unpack, inputs.add(source_step(identifier_of(files.source))));
    }
    for (const graph::InlineFile& file : copy.inline_files) {
      Json wrapped = Json::object();
      const bool is_directory = copy.destination.ends_with('/');
      wrapped["mkfile"] = {{"path", copy.destination + (is_directory ? file.name : "")},
                           {"mode", 0644},
                           {"data", encode_base64(file.text)},
                           {"timestamp", -1}};
      add(std::move(wrapped), -1);
    }
  }

  Json exec_op(const graph::ExecOp& op, std::int64_t root, Inputs& inputs) {
    Json meta = {{"args", op.argv}, {"env", op.env}, {"cwd", op.cwd}};
    if (!op.user.empty()) meta["user"] = op.user;
    Json mounts = Json::array();
    mounts.push_back(mount_at("/", root, 0));
    Json exec = Json::object();
    for (const graph::ExecMount& mount : op.mounts)
      std::visit([&](const auto& value) { add_mount(value, inputs, mounts, exec); }, mount);
    exec["meta"] = std::move(meta);
    exec["mounts"] = std::move(mounts);
    // Its enums: NetMode HOST and NONE, SecurityMode INSECURE.
    if (op.network != graph::Network::kDefault)
      exec["network"] = op.network == graph::Network::kHost ? 1 : 2;
    if (op.insecure) exec["security"] = 1;
    return exec;
  }

  /// MountType: BIND 0, SECRET 1, SSH 2, CACHE 3, TMPFS 4.
  void add_mount(const graph::BindMount& mount, Inputs& inputs, Json& mounts, Json&) {
    Json json = mount_at(mount.target, inputs.add(step_of(mount.from)), kSkipOutput);
    if (!mount.source.empty()) json["selector"] = mount.source;
    if (!mount.read_write) json["readonly"] = true;
    mounts.push_back(std::move(json));
  }
  void add_mount(const graph::CacheMount& mount, Inputs& inputs, Json& mounts, Json&) {
    Json json = mount_at(mount.target, mount.from ? inputs.add(step_of(*mount.from)) : -1, kSkipOutput);
    json["mountType"] = 3;
    json["cacheOpt"]["ID"] = mount.id;
    if (mount.sharing != graph::Sharing::kShared)
      json["cacheOpt"]["sharing"] = static_cast<int>(mount.sharing);
    if (mount.read_only) json["readonly"] = true;
    mounts.push_back(std::move(json));
  }
  void add_mount(const graph::TmpfsMount& mount, Inputs&, Json& mounts, Json&) {
    Json json = mount_at(mount.target, -1, kSkipOutput);
    json["mountType"] = 4;
    json["TmpfsOpt"] = Json::object();
    if (mount.size != 0) json["TmpfsOpt"]["size"] = mount.size;
    mounts.push_back(std::move(json));
  }
  void add_mount(const graph::SecretMount& mount, Inputs&, Json& mounts, Json& exec) {
    if (mount.env) {
      Json json = {{"ID", mount.id}, {"name", *mount.env}};
      if (!mount.required) json["optional"] = true;
      exec["secretenv"].push_back(std::move(json));
    }
    if (!mount.target) return;
    Json json = mount_at(*mount.target, -1, 0);
    json["mountType"] = 1;
    json["secretOpt"] = {{"ID", mount.id}, {"mode", mount.mode}};
    if (!mount.required) json["secretOpt"]["optional"] = true;
    mounts.push_back(std::move(json));
  }
  void add_mount(const graph::SshMount& mount, Inputs&, Json& mounts, Json&) {
    Json json = mount_at(mount.target, -1, 0);
    json["mountType"] = 2;
    json["SSHOpt"] = {{"ID", mount.id}, {"mode", mount.mode}};
    if (!mount.required) json["SSHOpt"]["optional"] = true;
    mounts.push_back(std::move(json));
  }

  const graph::BuildGraph& graph_;
  const std::vector<solver::VertexResult>& results_;
  const std::map<std::string, std::string>& references_;
  std::vector<attest::BuildStep> steps_;
  std::map<graph::VertexId, std::size_t> of_vertex_;
  std::map<std::string, std::size_t> sources_;
};

}  // namespace

LlbSteps llb_steps(const graph::BuildGraph& graph, const std::vector<solver::VertexResult>& results,
                   const std::map<std::string, std::string>& references) {
  return Writer(graph, results, references).run();
}

}  // namespace pgstrata::cli
