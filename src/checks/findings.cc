#include "checks/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace pgstrata::checks {
namespace {

constexpr const char* kArgument = "--build-arg BUILDKIT_DOCKERFILE_CHECK";

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// `also` is added by a comment. An experimental rule runs if it is asked for; skipping doesn't touch it.
bool applies(const Rule& rule, const dockerfile::CheckDirective& options,
             const std::optional<dockerfile::CheckDirective>& also) {
  const auto asked = [&rule](const dockerfile::CheckDirective& some) {
    return some.experimental_all || has(some.experimental, rule.name);
  };
  const auto skipped = [&rule](const dockerfile::CheckDirective& some) {
    return some.skip_all || has(some.skip, rule.name);
  };
  if (rule.experimental) return asked(options) || (also && asked(*also));
  return !skipped(options) && !(also && skipped(*also));
}

std::optional<dockerfile::CheckDirective> options_above(const dockerfile::Instruction& instruction) {
  for (const std::string& comment : instruction.comments)
    if (auto options = dockerfile::check_comment(comment)) return options;
  return std::nullopt;
}

}  // namespace

std::string Warning::text() const {
  const std::string line = range.line > 0 ? fmt::format(" (line {})", range.line) : "";
  return fmt::format("{}: {}{}", rule->name, message, line);
}

Result<dockerfile::CheckDirective> options_of(const dockerfile::Directives& directives,
                                              const graph::BuildRequest& request) {
  const auto given = request.build_args.find("BUILDKIT_DOCKERFILE_CHECK");
  if (given == request.build_args.end()) return directives.check.value_or(dockerfile::CheckDirective{});
  auto options = dockerfile::parse_check_options(given->second);
  if (!options) {
    Error error = std::move(options).error();
    error.where = kArgument;
    return fail(std::move(error));
  }
  return options;
}

void Findings::add(RuleId id, const dockerfile::SourceRange& range, const dockerfile::Instruction* by,
                   std::string message) {
  const Rule& found = rule(id);
  const auto also = by != nullptr ? options_above(*by) : std::nullopt;
  if (!applies(found, options_, also)) return;
  warnings_.push_back({.rule = &found, .message = std::move(message), .range = range});
}

std::vector<Warning> Findings::sorted() const {
  std::vector<Warning> sorted = warnings_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Warning& a, const Warning& b) { return a.range.line < b.range.line; });
  return sorted;
}

std::optional<Error> Findings::error(const dockerfile::SourceText& source) const {
  if (!options_.error || warnings_.empty()) return std::nullopt;
  std::set<std::string_view> names;
  for (const Warning& warning : warnings_) names.insert(warning.rule->name);
  Error error{.kind = ErrorKind::kUsage,
              .what = fmt::format("build checks failed: {}", fmt::join(names, ", ")),
              .next = "mend what they name, or skip them: # check=skip=RULE,RULE in the first line"};
  if (options_.range.line == 0) error.where = kArgument;
  return source.located(std::move(error), options_.range);
}

}  // namespace pgstrata::checks
