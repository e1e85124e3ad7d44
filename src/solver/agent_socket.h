// RUN --mount=type=ssh: a socket for one step behind which the person's ssh-agent answers.
//
// The agent itself isn't handed in: it refuses other users than its own, and it would let a step add,
// remove and lock keys. As with BuildKit a step can list the keys and sign with them; anything else fails.
#pragma once

#include <memory>
#include <string>

#include "core/result.h"

namespace pgstrata::solver {

class AgentSocket {
 public:
  struct Owner {
    std::uint32_t mode;
    std::uint32_t uid;
    std::uint32_t gid;
  };
  /// Listens at `path`, until this goes. `agent` is connected to once for every connection.
  static Result<std::unique_ptr<AgentSocket>> open(const std::string& path, const std::string& agent,
                                                   const Owner& owner);
  AgentSocket(const AgentSocket&) = delete;
  AgentSocket& operator=(const AgentSocket&) = delete;
  virtual ~AgentSocket() = default;

 protected:
  AgentSocket() = default;
};

}  // namespace pgstrata::solver
