#include "cli/build_call.h"

#include <fmt/format.h>
#include <unistd.h>

#include <set>

#include "checks/outline.h"
#include "checks/report.h"
#include "checks/step_rules.h"
#include "checks/targets.h"
#include "checks/text_rules.h"
#include "cli/store.h"
#include "core/suggestion.h"
#include "graph/epoch.h"
#include "solver/bases.h"

namespace pgstrata::cli {
namespace {

/// Bases as far as the store has them: a question makes none. Of others the names are kept.
class StoredBases final : public graph::BaseResolver {
 public:
  explicit StoredBases(solver::Bases& bases) : bases_(bases) {}

  Result<oci::ImageConfig> config(const std::string& reference, const oci::Platform& platform) override {
    auto config = bases_.config(reference, platform);
    if (config) return config;
    unknown_.insert(reference);
    oci::ImageConfig nothing;
    nothing.platform = platform;
    return nothing;
  }
  [[nodiscard]] const std::set<std::string>& unknown() const { return unknown_; }

 private:
  solver::Bases& bases_;
  std::set<std::string> unknown_;
};

Result<oci::Descriptor> make_nothing(const oci::Reference& name, const oci::Platform&) {
  return fail({.kind = ErrorKind::kNotFound, .what = name.familiar() + " is not in the store"});
}

void tell_unknown(const std::set<std::string>& unknown) {
  if (unknown.empty()) return;
  fmt::print(stderr, "note: not in the store, so variables of stages on them were not checked: {}\n",
             fmt::join(unknown, ", "));
}

Result<int> check(const GlobalOptions& global, bool json, const CallInput& input) {
  const dockerfile::Parsed parsed = dockerfile::parse_until_error(input.dockerfile, input.dockerfile_path);
  checks::Findings findings(TRY(checks::options_of(parsed.dockerfile.directives, input.graph)));
  checks::check_text(parsed, input.graph, findings);
  const Store store = TRY(open_store(global));
  solver::Bases stored(*store.layers,
                       {.build_contexts = input.image_contexts, .pull = false, .make = make_nothing});
  StoredBases bases(stored);
  checks::StepRules rules({.request = input.graph,
                           .escape = parsed.dockerfile.directives.escape,
                           .ignore = input.ignore,
                           .unknown_bases = bases.unknown()},
                          findings);
  std::optional<Error> error = parsed.error;
  if (!error) {
    if (auto epoch = graph::read_epoch(parsed.dockerfile, input.graph); !epoch)
      error = std::move(epoch).error();
  }
  if (!error) {
    graph::BuildRequest every_stage = input.graph;
    every_stage.every_stage = true;
    auto graph = graph::build_graph(parsed.dockerfile, every_stage, bases, &rules);
    if (!graph) error = std::move(graph).error();
  }
  if (!error) error = findings.error(parsed.dockerfile.source);
  const std::vector<checks::Warning> warnings = findings.sorted();
  const dockerfile::SourceText& source = parsed.dockerfile.source;
  fmt::print("{}", json ? checks::report_json(warnings, source, error)
                        : checks::report_text(warnings, source, !error));
  // What is printed stands before the error also where both go to one file.
  static_cast<void>(std::fflush(stdout));
  tell_unknown(bases.unknown());
  if (error) return fail(std::move(*error));
  return warnings.empty() ? 0 : 1;
}

Result<int> targets(bool json, const CallInput& input) {
  const auto dockerfile = TRY(dockerfile::parse(input.dockerfile, input.dockerfile_path));
  const auto targets = checks::targets_of(dockerfile);
  fmt::print("{}", json ? checks::targets_json(targets) : checks::targets_text(targets));
  return 0;
}

Result<int> outline(const GlobalOptions& global, bool json, const CallInput& input) {
  const auto dockerfile = TRY(dockerfile::parse(input.dockerfile, input.dockerfile_path));
  const Store store = TRY(open_store(global));
  solver::Bases stored(*store.layers,
                       {.build_contexts = input.image_contexts, .pull = false, .make = make_nothing});
  StoredBases bases(stored);
  const checks::Outline made = TRY(checks::outline_of(dockerfile, input.graph, bases));
  fmt::print("{}", json ? checks::outline_json(made) : checks::outline_text(made));
  return 0;
}

}  // namespace

Result<Call> parse_call(const std::string& text) {
  const std::string name = text.substr(0, text.find(','));
  const std::string rest = text.substr(std::min(name.size() + 1, text.size()));
  Call call;
  if (!rest.empty() && rest != "format=json" && rest != "format=text")
    return fail({.kind = ErrorKind::kUsage,
                 .what = fmt::format("--call {}: \"{}\" is unknown", text, rest),
                 .next = "write format=json or format=text"});
  call.json = rest == "format=json";
  if (name == "build") return call;
  call.what = name == "check" || name == "lint" ? Call::What::kCheck
              : name == "outline"               ? Call::What::kOutline
                                                : Call::What::kTargets;
  if (call.what != Call::What::kTargets || name == "targets") return call;
  const std::vector<std::string> known = {"build", "check", "outline", "targets"};
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("--call {}: there is no such method", name),
               .next = did_you_mean(name, known, "known are build, check, outline and targets")});
}

Result<int> answer(const GlobalOptions& global, const Call& call, const CallInput& input) {
  switch (call.what) {
    case Call::What::kCheck:
      return check(global, call.json, input);
    case Call::What::kOutline:
      return outline(global, call.json, input);
    default:
      return targets(call.json, input);
  }
}

}  // namespace pgstrata::cli
