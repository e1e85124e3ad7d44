#include "checks/outline.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "checks/table.h"
#include "checks/targets.h"
#include "checks/variables.h"
#include "graph/arguments.h"
#include "graph/plan_observer.h"

namespace pgstrata::checks {
namespace {

using dockerfile::Instruction;

/// An ARG before the first FROM, with those that its default uses.
struct GlobalArgument {
  OutlineArgument argument;
  std::set<std::string> uses;
};

std::map<std::string, GlobalArgument> global_arguments(const dockerfile::Dockerfile& dockerfile,
                                                       const graph::Environment& values) {
  std::map<std::string, GlobalArgument> found;
  for (const Instruction& instruction : dockerfile.instructions) {
    const auto* arg = std::get_if<dockerfile::Arg>(&instruction.action);
    if (arg == nullptr) break;
    for (const dockerfile::ArgDefinition& definition : arg->definitions) {
      GlobalArgument& global = found[definition.name];
      global.argument = {.name = definition.name,
                         .value = values.get(definition.name).value_or(""),
                         .description = description_of(instruction, definition.name),
                         .range = instruction.range};
      if (definition.value)
        global.uses.merge(expand_word(*definition.value, graph::lookup_in(values),
                                      {.escape = dockerfile.directives.escape})
                              .set);
    }
  }
  return found;
}

class Collector final : public graph::PlanObserver {
 public:
  Collector(const dockerfile::Dockerfile& dockerfile, const graph::BuildRequest& request,
            const graph::Environment& values)
      : request_(request),
        escape_(dockerfile.directives.escape),
        values_(values),
        globals_(global_arguments(dockerfile, values)) {}

  void stage_begins(const graph::StageView& view) override {
    const auto& from = std::get<dockerfile::From>(view.stage.from.action);
    for (const std::string& word : {from.base, from.platform.value_or("")})
      for (const std::string& name : expand_word(word, graph::lookup_in(values_), {.escape = escape_}).set)
        use_global(name);
  }

  void step(const graph::StageView& view, const graph::Step& step) override {
    if (const auto* arg = std::get_if<dockerfile::Arg>(&step.instruction.action))
      for (const dockerfile::ArgDefinition& definition : arg->definitions)
        declare(view, step.instruction, definition);
    if (const auto* run = std::get_if<dockerfile::Run>(&step.instruction.action))
      for (const dockerfile::MountFlag& mount : run->mounts) note_mount(view, step.instruction, mount);
  }

  Outline finish(const Instruction& from) && {
    Outline outline{.name = std::get<dockerfile::From>(from.action).name};
    outline.description = description_of(from, outline.name);
    for (auto& [name, argument] : arguments_) outline.arguments.push_back(std::move(argument));
    for (auto& [id, mount] : secrets_) outline.secrets.push_back(std::move(mount));
    for (auto& [id, mount] : ssh_) outline.ssh.push_back(std::move(mount));
    const auto by_line = [](const auto& a, const auto& b) { return a.range.line < b.range.line; };
    std::stable_sort(outline.arguments.begin(), outline.arguments.end(), by_line);
    std::stable_sort(outline.secrets.begin(), outline.secrets.end(), by_line);
    std::stable_sort(outline.ssh.begin(), outline.ssh.end(), by_line);
    return outline;
  }

 private:
  void use_global(const std::string& name) {
    const auto global = globals_.find(name);
    if (global == globals_.end()) return;
    if (!arguments_.try_emplace(name, global->second.argument).second) return;
    for (const std::string& used : global->second.uses) use_global(used);
  }

  // A later stage's declaration counts more: the target is the last one.
  void declare(const graph::StageView& view, const Instruction& instruction,
               const dockerfile::ArgDefinition& definition) {
    const auto given = request_.build_args.find(definition.name);
    const bool has_given = given != request_.build_args.end();
    if (!has_given && !definition.value && values_.has(definition.name)) return use_global(definition.name);
    std::string value;
    if (has_given)
      value = given->second;
    else if (definition.value)
      value =
          expand_word(*definition.value, graph::lookup_in(view.env), {.escape = escape_}).text.value_or("");
    arguments_[definition.name] = {.name = definition.name,
                                   .value = std::move(value),
                                   .description = description_of(instruction, definition.name),
                                   .range = instruction.range};
  }

  void note_mount(const graph::StageView& view, const Instruction& instruction,
                  const dockerfile::MountFlag& flag) {
    const auto spec = dockerfile::resolve_mount(flag, graph::lookup_in(view.env), escape_);
    if (!spec) return;
    if (const auto* secret = std::get_if<dockerfile::SecretMountSpec>(&*spec))
      note(secrets_[secret->id], secret->id, secret->required, instruction);
    if (const auto* ssh = std::get_if<dockerfile::SshMountSpec>(&*spec))
      note(ssh_[ssh->id], ssh->id, ssh->required, instruction);
  }

  static void note(OutlineMount& mount, const std::string& id, bool required,
                   const Instruction& instruction) {
    mount.id = id;
    mount.required = mount.required || required;
    if (mount.range.line == 0) mount.range = instruction.range;
  }

  const graph::BuildRequest& request_;
  const char escape_;
  const graph::Environment& values_;
  const std::map<std::string, GlobalArgument> globals_;
  std::map<std::string, OutlineArgument> arguments_;
  std::map<std::string, OutlineMount> secrets_;
  std::map<std::string, OutlineMount> ssh_;
};

nlohmann::ordered_json location(const dockerfile::SourceRange& range) {
  nlohmann::ordered_json place = {{"start", {{"line", range.line}}}, {"end", {{"line", range.last_line}}}};
  return {{"ranges", nlohmann::ordered_json::array({std::move(place)})}};
}

nlohmann::ordered_json mounts_json(const std::vector<OutlineMount>& mounts) {
  auto list = nlohmann::ordered_json::array();
  for (const OutlineMount& mount : mounts) {
    nlohmann::ordered_json one = {{"name", mount.id}};
    if (mount.required) one["required"] = true;
    one["location"] = location(mount.range);
    list.push_back(std::move(one));
  }
  return list;
}

std::string mounts_text(const char* title, const std::vector<OutlineMount>& mounts) {
  if (mounts.empty()) return {};
  std::vector<std::vector<std::string>> rows = {{title, "REQUIRED"}};
  for (const OutlineMount& mount : mounts) rows.push_back({mount.id, mount.required ? "true" : ""});
  return table(rows, 3) + "\n";
}

}  // namespace

Result<Outline> outline_of(const dockerfile::Dockerfile& dockerfile, const graph::BuildRequest& request,
                           graph::BaseResolver& resolver) {
  const graph::Environment values = TRY(graph::global_arguments(dockerfile, request));
  Collector collector(dockerfile, request, values);
  TRY_VOID(graph::build_graph(dockerfile, request, resolver, &collector));
  const graph::StageList stages = TRY(graph::StageList::read(dockerfile, request));
  const std::size_t target = TRY(stages.target(request));
  return std::move(collector).finish(stages.all()[target].from);
}

std::string outline_text(const Outline& outline) {
  std::string text;
  if (!outline.name.empty() || !outline.description.empty()) {
    std::vector<std::vector<std::string>> rows = {{"TARGET:", outline.name}};
    if (!outline.description.empty()) rows.push_back({"DESCRIPTION:", outline.description});
    text += table(rows, 1) + "\n";
  }
  if (!outline.arguments.empty()) {
    std::vector<std::vector<std::string>> rows = {{"BUILD ARG", "VALUE", "DESCRIPTION"}};
    for (const OutlineArgument& argument : outline.arguments)
      rows.push_back({argument.name, argument.value, argument.description});
    text += table(rows, 3) + "\n";
  }
  return text + mounts_text("SECRET", outline.secrets) + mounts_text("SSH", outline.ssh);
}

std::string outline_json(const Outline& outline) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (!outline.name.empty()) json["name"] = outline.name;
  if (!outline.description.empty()) json["description"] = outline.description;
  for (const OutlineArgument& argument : outline.arguments) {
    nlohmann::ordered_json one = {{"name", argument.name}};
    if (!argument.description.empty()) one["description"] = argument.description;
    if (!argument.value.empty()) one["value"] = argument.value;
    one["location"] = location(argument.range);
    json["args"].push_back(std::move(one));
  }
  if (!outline.secrets.empty()) json["secrets"] = mounts_json(outline.secrets);
  if (!outline.ssh.empty()) json["ssh"] = mounts_json(outline.ssh);
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace pgstrata::checks
