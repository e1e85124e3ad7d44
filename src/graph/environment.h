// Environment: the variables that a stage's instructions see, ENV and ARG together.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pgstrata::graph {

/// Variables in order. Names are unique.
class Environment {
 public:
  /// Sets a variable; an existing one keeps its place (as in an image's configuration).
  void set(const std::string& name, std::string value);
  /// Sets a variable and moves it to the end (as in the environment of a step).
  void set_last(const std::string& name, std::string value);
  void remove(const std::string& name);

  [[nodiscard]] std::optional<std::string> get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return index_.contains(std::string(name)); }
  /// "NAME=value", in order.
  [[nodiscard]] std::vector<std::string> list() const;
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  struct Variable {
    std::string name;
    std::string value;
    bool live = true;
  };
  std::vector<Variable> variables_;
  std::unordered_map<std::string, std::size_t> index_;
};

/// "NAME=value" cut at the first '='.
struct NameValue {
  std::string name;
  std::string value;
};
[[nodiscard]] NameValue split_variable(std::string_view text);

}  // namespace pgstrata::graph
