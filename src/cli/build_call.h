// `pgstrata build --call=…` and --check: questions about a Dockerfile, for which nothing is built.
#pragma once

#include <map>
#include <string>

#include "cli/command.h"
#include "context/ignore.h"
#include "graph/from_dockerfile.h"

namespace pgstrata::cli {

struct Call {
  enum class What { kBuild, kCheck, kOutline, kTargets };
  What what = What::kBuild;
  bool json = false;
};
/// "check", "check,format=json"; kUsage for anything else.
Result<Call> parse_call(const std::string& text);

struct CallInput {
  const std::string& dockerfile;  ///< its text
  const std::string& dockerfile_path;
  const graph::BuildRequest& graph;
  const std::map<std::string, std::string>& image_contexts;
  const context::IgnorePatterns& ignore;  ///< of the main context
};
/// Prints the answer to stdout. The exit code is buildx's: 1 if there are warnings, else 0; a Dockerfile
/// that can't be built is an error as always, after the warnings.
Result<int> answer(const GlobalOptions& global, const Call& call, const CallInput& input);

}  // namespace pgstrata::cli
