// `pgstrata explain`: what became of each step of a build, and why.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/contexts.h"
#include "cli/explain.h"
#include "cli/store.h"
#include "cli/stored_image.h"
#include "explain/collect.h"
#include "explain/explanation.h"
#include "explain/html.h"
#include "explain/json.h"
#include "explain/text.h"
#include "history/builds.h"
#include "os/file.h"

namespace pgstrata::cli {
namespace {

struct ExplainOptions {
  std::string step;
  std::string build;
  std::string context;
  std::string format = "text";
  std::string output;
  bool reads = false;
  bool builds = false;
};

Result<void> write(const ExplainOptions& options, const std::string& text) {
  if (options.output.empty() || options.output == "-") return print(text);
  return os::replace_file(options.output, text, /*durable=*/true);
}

/// As the build's record has it.
std::string recorded_context(const std::string& context) {
  const auto place = context.empty() ? Result<ContextPlace>(StandardInput{}) : parse_context("", context);
  return place && std::holds_alternative<Directory>(*place) ? absolute(context) : context;
}

Result<void> list_builds(const GlobalOptions& global, const ExplainOptions& options) {
  std::vector<Error> unreadable;
  std::vector<history::Build> builds = TRY(history::list(global.root, &unreadable));
  const std::string context = recorded_context(options.context);
  std::erase_if(builds, [&](const history::Build& b) { return !context.empty() && b.context != context; });
  for (const Error& error : unreadable) fmt::print(stderr, "{}", render(error, /*color=*/false));
  return write(options, options.format == "json" ? explain::json(builds) : explain::text(builds));
}

Result<std::string> rendered(const ExplainOptions& options, const explain::Explanation& explanation) {
  std::vector<explain::Number> steps;
  if (!options.step.empty()) steps = TRY(explain::named_steps(explanation.steps, options.step));
  if (options.format == "html") return explain::html(explanation);
  if (options.format == "json") return explain::json(explanation, steps, options.reads);
  if (steps.empty()) return explain::text(explanation);
  return explain::text(explanation, steps, {.reads = options.reads});
}

Result<int> run_explain(const GlobalOptions& global, const ExplainOptions& options) {
  if (options.format == "html" && (!options.step.empty() || options.builds))
    return fail({.kind = ErrorKind::kUsage,
                 .what = "the page of --format html shows all steps of one build",
                 .next = "leave out the step, or use text or json"});
  if (options.builds) {
    TRY_VOID(list_builds(global, options));
    return 0;
  }
  const history::Build build =
      TRY(history::find(global.root, {.id = options.build, .context = recorded_context(options.context)}));
  const Store store = TRY(open_store(global));
  const explain::Explanation explanation = TRY(explain::collect(build, *store.layers));
  const std::string text = TRY(rendered(options, explanation));
  TRY_VOID(write(options, text));
  return 0;
}

}  // namespace

Command add_explain(CLI::App& app, const GlobalOptions& global) {
  const auto options = std::make_shared<ExplainOptions>();
  app.add_option("STEP", options->step,
                 "a line of the Dockerfile, #NUMBER, or STAGE:LINE: all that is known of it");
  app.add_option("--build", options->build, "ID of the build, or how it begins; default: the last");
  app.add_option("--context", options->context, "the last build of this context");
  app.add_option("--format", options->format, "text, json or html")
      ->check(CLI::IsMember({"text", "json", "html"}));
  app.add_option("-o,--output", options->output, "write to this file");
  app.add_flag("--reads", options->reads, "with a step or json: list all that RUNs asked for");
  app.add_flag("--builds", options->builds, "list the recorded builds");
  return [options, &global] { return run_explain(global, *options); };
}

}  // namespace pgstrata::cli
