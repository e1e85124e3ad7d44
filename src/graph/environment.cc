#include "graph/environment.h"

namespace pgstrata::graph {

void Environment::set(const std::string& name, std::string value) {
  const auto found = index_.find(name);
  if (found == index_.end()) return set_last(name, std::move(value));
  variables_[found->second].value = std::move(value);
}

void Environment::set_last(const std::string& name, std::string value) {
  const auto [place, added] = index_.try_emplace(name, variables_.size());
  if (!added) {
    // The old place stays empty: nothing behind it has to move.
    variables_[place->second] = {.name = {}, .value = {}, .live = false};
    place->second = variables_.size();
  }
  variables_.push_back({.name = name, .value = std::move(value)});
}

void Environment::remove(const std::string& name) {
  const auto found = index_.find(name);
  if (found == index_.end()) return;
  variables_[found->second] = {.name = {}, .value = {}, .live = false};
  index_.erase(found);
}

std::optional<std::string> Environment::get(std::string_view name) const {
  const auto found = index_.find(std::string(name));
  if (found == index_.end()) return std::nullopt;
  return variables_[found->second].value;
}

std::vector<std::string> Environment::list() const {
  std::vector<std::string> list;
  list.reserve(index_.size());
  for (const Variable& variable : variables_)
    if (variable.live) list.push_back(variable.name + "=" + variable.value);
  return list;
}

std::vector<std::string> Environment::names() const {
  std::vector<std::string> names;
  for (const Variable& variable : variables_)
    if (variable.live) names.push_back(variable.name);
  return names;
}

NameValue split_variable(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return {.name = std::string(text), .value = {}};
  return {.name = std::string(text.substr(0, equals)), .value = std::string(text.substr(equals + 1))};
}

}  // namespace pgstrata::graph
