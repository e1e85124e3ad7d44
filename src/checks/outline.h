// What a target takes: build arguments, secrets and ssh agents, for `pgstrata build --call=outline`.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "dockerfile/parser.h"
#include "graph/from_dockerfile.h"

namespace pgstrata::checks {

struct OutlineArgument {
  std::string name;
  std::string value;
  std::string description;  ///< of the comment "# NAME DESCRIPTION" above it
  dockerfile::SourceRange range;
};
/// A secret or an ssh agent.
struct OutlineMount {
  std::string id;
  bool required = false;
  dockerfile::SourceRange range;
};
struct Outline {
  std::string name;  ///< of the target, "" without AS
  std::string description;
  std::vector<OutlineArgument> arguments;  ///< by line; of all stages that the target needs
  std::vector<OutlineMount> secrets;
  std::vector<OutlineMount> ssh;
};

/// Errors are those of planning.
Result<Outline> outline_of(const dockerfile::Dockerfile& dockerfile, const graph::BuildRequest& request,
                           graph::BaseResolver& resolver);

/// buildx's tables.
[[nodiscard]] std::string outline_text(const Outline& outline);
/// The keys of BuildKit's subrequest.
[[nodiscard]] std::string outline_json(const Outline& outline);

}  // namespace pgstrata::checks
