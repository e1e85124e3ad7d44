// A copy of the environment that is edited before a child gets it. The process's own is only ever blanked.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pg_entrypoint {

class Environment {
 public:
  /// The variables this process was started with.
  static Environment of_process();

  /// Blanks the value of `name` in this process's memory: /proc/PID/environ doesn't show it any more.
  static void blank_in_process(const std::string& name);

  /// The variable's value; nothing if it is unset. An empty value counts as unset, as `docker run -e X=`
  /// means it.
  std::optional<std::string> get(const std::string& name) const;

  void set(const std::string& name, std::string value) { variables_[name] = std::move(value); }
  void erase(const std::string& name) { variables_.erase(name); }

  /// NAME=value strings, in order of name.
  std::vector<std::string> strings() const;

 private:
  std::map<std::string, std::string> variables_;
};

/// This container's name on the network, as `hostname` tells.
std::string host_name();

}  // namespace pg_entrypoint
