// Findings: what the checks have found, as far as the Dockerfile wants to hear of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checks/rules.h"
#include "core/error.h"
#include "core/result.h"
#include "dockerfile/directives.h"
#include "dockerfile/instruction.h"
#include "graph/from_dockerfile.h"

namespace pgstrata::checks {

struct Warning {
  const Rule* rule;
  std::string message;
  dockerfile::SourceRange range;

  /// "RULE: message (line N)"
  [[nodiscard]] std::string text() const;
};

/// The options that hold for the whole file: those of the build argument BUILDKIT_DOCKERFILE_CHECK, or else
/// of the check directive. kUsage if the argument can't be read.
Result<dockerfile::CheckDirective> options_of(const dockerfile::Directives& directives,
                                              const graph::BuildRequest& request);

class Findings {
 public:
  explicit Findings(dockerfile::CheckDirective options) : options_(std::move(options)) {}

  /// Notes a warning unless its rule is skipped by the file's options or by a comment
  /// "# check=skip=RULE" above `by`, the instruction that was being looked at (may be null).
  void add(RuleId id, const dockerfile::SourceRange& range, const dockerfile::Instruction* by,
           std::string message);

  /// In the order of lines.
  [[nodiscard]] std::vector<Warning> sorted() const;
  /// kUsage at the directive that names the rules, if there are warnings and the options say error=true.
  [[nodiscard]] std::optional<Error> error(const dockerfile::SourceText& source) const;

 private:
  dockerfile::CheckDirective options_;
  std::vector<Warning> warnings_;
};

}  // namespace pgstrata::checks
