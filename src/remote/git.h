// The git program, without the configuration of the machine and of the person, so that the same URL gives
// the same files everywhere. ssh does read its own configuration: known hosts and keys are the person's.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "core/result.h"
#include "remote/proxies.h"

namespace pgstrata::remote {

struct GitSettings {
  Proxies proxies;
  std::string ssh_agent;  ///< SSH_AUTH_SOCK for ssh; "": that of the environment
};

class Git {
 public:
  explicit Git(GitSettings settings) : settings_(std::move(settings)) {}

  [[nodiscard]] Git with_git_dir(std::string path) const;
  [[nodiscard]] Git with_work_tree(std::string path) const;
  /// `-c` arguments for every command. They may hold a secret: never shown, not even to `ps`.
  [[nodiscard]] Git with_config(const std::string& name, const std::string& value) const;

  /// Its output. kBuildFailed with what git said; kMachine if there is no git. A server that can't make
  /// shallow clones is asked again without --depth.
  Result<std::string> run(std::vector<std::string> arguments, const std::stop_token& stop = {}) const;
  /// Whether it succeeds.
  [[nodiscard]] bool succeeds(const std::vector<std::string>& arguments) const;

 private:
  Result<std::string> run_once(const std::vector<std::string>& arguments,
                               const std::stop_token& stop) const;

  GitSettings settings_;
  std::string git_dir_;
  std::string work_tree_;
  std::vector<std::pair<std::string, std::string>> config_;
};

}  // namespace pgstrata::remote
