#include "checks/targets.h"

#include <nlohmann/json.hpp>

#include "checks/table.h"

namespace pgstrata::checks {

std::string description_of(const dockerfile::Instruction& instruction, const std::string& name) {
  if (name.empty()) return {};
  for (const std::string& comment : instruction.comments)
    if (comment.starts_with(name + " ")) return comment.substr(name.size() + 1);
  return {};
}

std::vector<Target> targets_of(const dockerfile::Dockerfile& dockerfile) {
  std::vector<Target> targets;
  for (const dockerfile::Instruction& instruction : dockerfile.instructions) {
    const auto* from = std::get_if<dockerfile::From>(&instruction.action);
    if (from == nullptr) continue;
    targets.push_back({.name = from->name,
                       .description = description_of(instruction, from->name),
                       .base = from->base,
                       .platform = from->platform.value_or(""),
                       .range = instruction.range});
  }
  if (!targets.empty()) targets.back().is_default = true;
  return targets;
}

std::string targets_text(const std::vector<Target>& targets) {
  std::vector<std::vector<std::string>> rows = {{"TARGET", "DESCRIPTION"}};
  for (const Target& target : targets) {
    std::string name = target.name;
    if (target.is_default) name += name.empty() ? "(default)" : " (default)";
    rows.push_back({std::move(name), target.description});
  }
  return table(rows, 1);
}

std::string targets_json(const std::vector<Target>& targets) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const Target& target : targets) {
    Json one = Json::object();
    if (!target.name.empty()) one["name"] = target.name;
    if (target.is_default) one["default"] = true;
    if (!target.description.empty()) one["description"] = target.description;
    one["base"] = target.base;
    if (!target.platform.empty()) one["platform"] = target.platform;
    one["location"] = {{"ranges", Json::array({{{"start", {{"line", target.range.line}}},
                                                {"end", {{"line", target.range.last_line}}}}})}};
    list.push_back(std::move(one));
  }
  return Json{{"targets", std::move(list)}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pgstrata::checks
