// --ssh: the agents that RUN --mount=type=ssh and Git over ssh use.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "core/result.h"

namespace pgstrata::cli {

/// ID → the words after '='. Of the form default|ID[=SOCKET|KEY[,KEY…]].
Result<std::map<std::string, std::vector<std::string>>> parse_ssh(const std::vector<std::string>& words);

/// The agents of a build. For keys in files an ssh-agent of our own runs until this goes.
class SshAgents {
 public:
  /// kUsage: no agent in the environment, no such socket or key; kMachine: there is no ssh-agent to start.
  static Result<SshAgents> start(const std::map<std::string, std::vector<std::string>>& wanted);
  SshAgents(SshAgents&& other) noexcept;
  SshAgents& operator=(SshAgents&&) = delete;
  ~SshAgents();

  [[nodiscard]] const std::map<std::string, std::string>& sockets() const { return sockets_; }

 private:
  SshAgents() = default;
  Result<void> start_agent(const std::string& socket);
  Result<std::string> start_with(const std::string& id, const std::vector<std::string>& keys);

  std::map<std::string, std::string> sockets_;
  std::string directory_;  ///< of our own agents' sockets; "" if there is none
  std::vector<pid_t> agents_;
  std::vector<pid_t> commands_;  ///< each keeps an agent alive as long as we live; our children
};

}  // namespace pgstrata::cli
