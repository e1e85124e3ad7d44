// `pgstrata advise`: opens what the library needs, and writes the Dockerfile if it is asked to.
#include "cli/advise.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ctime>

#include "advise/advice.h"
#include "advise/write_back.h"
#include "cli/advise_report.h"
#include "cli/build_options.h"
#include "cli/contexts.h"
#include "cli/store.h"
#include "cli/stored_image.h"
#include "history/builds.h"

namespace pgstrata::cli {
namespace {

struct AdviseOptions {
  std::string context;
  std::string file;
  std::string target;
  std::vector<std::string> build_args;
  std::vector<std::string> build_contexts;
  std::string since = "26 weeks ago";
  bool apply = false;
  std::string format = "text";
};

/// What the options mean.
struct Request {
  graph::BuildRequest graph;
  ContextRequest contexts;
  std::string directory;
  std::map<std::string, std::string> image_contexts;
};

Result<Request> read_request(const AdviseOptions& options) {
  if (options.format != "text" && options.format != "json")
    return fail({.kind = ErrorKind::kUsage,
                 .what = fmt::format("--format {}: there is no such format", options.format),
                 .next = "use text or json"});
  Request request;
  request.graph.build_args = TRY(parse_build_args(options.build_args));
  add_epoch_of_environment(request.graph.build_args);
  request.graph.target = options.target;
  request.contexts.context = options.context;
  request.contexts.place = TRY(parse_context("the context directory", options.context));
  request.contexts.file = options.file;
  const auto* directory = std::get_if<Directory>(&request.contexts.place);
  const bool is_file = options.file != "-" && !TRY(remote::parse_source(options.file)).has_value();
  if (directory == nullptr || !is_file)
    return fail({.kind = ErrorKind::kUsage,
                 .what = "only a Dockerfile and a context of this machine can be advised on",
                 .where = directory == nullptr ? options.context : options.file});
  request.directory = directory->path;
  for (const auto& [name, value] : TRY(parse_assignments("--build-context", options.build_contexts))) {
    if (value == "docker-image://scratch") {
      request.graph.empty_contexts.insert(name);
    } else if (value.starts_with("docker-image://") || value.starts_with("oci-layout://")) {
      request.image_contexts[name] = value;
      request.graph.image_contexts.insert(name);
    } else {
      request.contexts.named[name] = TRY(parse_context("the directory of --build-context " + name, value));
      request.graph.named_contexts.insert(name);
    }
  }
  return request;
}

/// Those of this context and Dockerfile, newest first.
Result<std::vector<history::Build>> builds_of(const std::string& root, const std::string& context,
                                              const std::string& dockerfile) {
  std::vector<history::Build> builds = TRY(history::list(root));
  std::erase_if(builds, [&](const history::Build& build) {
    return build.context != absolute(context) || build.dockerfile != absolute(dockerfile);
  });
  return builds;
}

/// The Dockerfile as seen from the context, where a patch is applied; its last name if it lies elsewhere.
std::string name_in(const std::string& context, const std::string& dockerfile) {
  const std::string path = absolute(dockerfile);
  const std::string directory = absolute(context) + "/";
  return path.starts_with(directory) ? path.substr(directory.size()) : path.substr(path.rfind('/') + 1);
}

Result<oci::Descriptor> make_nothing(const oci::Reference& name, const oci::Platform&) {
  return fail({.kind = ErrorKind::kUsage,
               .what = name.familiar() + " is not in the store",
               .next = "run pgstrata build of the context first"});
}

Result<advise::Advice> make_advice(const GlobalOptions& global, const AdviseOptions& options,
                                   const Request& request, const Contexts& contexts) {
  const auto dockerfile = TRY(dockerfile::parse(contexts.dockerfile, contexts.dockerfile_name));
  const Store store = TRY(open_store(global));
  const auto builds = TRY(builds_of(global.root, request.directory, contexts.dockerfile_name));
  solver::Bases bases(*store.layers,
                      {.build_contexts = request.image_contexts, .pull = false, .make = make_nothing});
  advise::Edits edits =
      TRY(advise::git_edits(absolute(request.directory), options.since, std::time(nullptr)));
  const context::BuildContext& main = *contexts.directories.at("");
  advise::AdviceInputs inputs{.text = contexts.dockerfile,
                              .dockerfile = dockerfile,
                              .name = name_in(request.directory, contexts.dockerfile_name),
                              .request = request.graph,
                              .builds = builds,
                              .layers = *store.layers,
                              .bases = bases,
                              .contexts = {},
                              .ignore = main.ignore_patterns(),
                              .edits = std::move(edits)};
  for (const auto& [name, context] : contexts.directories) inputs.contexts[name] = context.get();
  for (const auto& [name, archive] : contexts.archives) inputs.contexts[name] = archive.get();
  return advise::advise(inputs);
}

Result<int> run_advise(const GlobalOptions& global, const AdviseOptions& options) {
  const Request request = TRY(read_request(options));
  remote::NetworkFetcher fetcher({.root = global.root + "/remote",
                                  .proxies = remote::Proxies::from(request.graph.build_args),
                                  .secret = [](const std::string&) { return std::nullopt; }});
  const Contexts contexts = TRY(open_contexts(request.contexts, global.root, fetcher));
  const advise::Advice advice = TRY(make_advice(global, options, request, contexts));
  const bool changes = options.apply && !advice.diff.empty();
  if (changes) TRY_VOID(advise::write_back(contexts.dockerfile_name, contexts.dockerfile, advice.text));
  const ShownAdvice shown{.advice = advice,
                          .context = options.context,
                          .dockerfile = contexts.dockerfile_name,
                          .applied = changes};
  TRY_VOID(print(options.format == "json" ? advice_json(shown) : advice_text(shown)));
  return 0;
}

}  // namespace

Command add_advise(CLI::App& app, const GlobalOptions& global) {
  const auto options = std::make_shared<AdviseOptions>();
  app.add_option("CONTEXT", options->context, "directory whose build is to become cheaper")->required();
  app.add_option("-f,--file", options->file, "the Dockerfile (default: CONTEXT/Dockerfile)");
  app.add_option("--target", options->target, "stage that is built (default: the last)");
  app.add_option("--build-arg", options->build_args, "as the build was given it")->allow_extra_args(false);
  app.add_option("--build-context", options->build_contexts, "as the build was given it")
      ->allow_extra_args(false);
  app.add_option("--since", options->since,
                 "how much of the context's Git history counts (default: 26 weeks ago)");
  app.add_flag("--apply", options->apply, "change the Dockerfile");
  app.add_option("--format", options->format, "text or json");
  return [options, &global] { return run_advise(global, *options); };
}

}  // namespace pgstrata::cli
