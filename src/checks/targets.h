// What can be built: the stages of a Dockerfile, for `pgstrata build --call=targets`.
#pragma once

#include <string>
#include <vector>

#include "dockerfile/parser.h"

namespace pgstrata::checks {

struct Target {
  std::string name;         ///< "" without AS
  std::string description;  ///< of the comment "# NAME DESCRIPTION" above it
  std::string base;         ///< as written
  std::string platform;     ///< as written, or ""
  bool is_default = false;  ///< the last stage
  dockerfile::SourceRange range;
};

[[nodiscard]] std::vector<Target> targets_of(const dockerfile::Dockerfile& dockerfile);

/// buildx's table.
[[nodiscard]] std::string targets_text(const std::vector<Target>& targets);
/// The key "targets" of BuildKit's subrequest.
[[nodiscard]] std::string targets_json(const std::vector<Target>& targets);

/// The rest of the first comment above `instruction` that begins with `name`; "" if there is none.
[[nodiscard]] std::string description_of(const dockerfile::Instruction& instruction,
                                         const std::string& name);

}  // namespace pgstrata::checks
