// `pgstrata build`: the way of the data, phase by phase.
#include "cli/build.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "attest/attestation.h"
#include "checks/step_rules.h"
#include "checks/text_rules.h"
#include "cli/attest_options.h"
#include "cli/base_maker.h"
#include "cli/build_call.h"
#include "cli/build_options.h"
#include "cli/build_report.h"
#include "cli/build_watch.h"
#include "cli/built_image.h"
#include "cli/contexts.h"
#include "cli/interrupts.h"
#include "cli/provenance.h"
#include "cli/pushing.h"
#include "cli/reclaim.h"
#include "cli/registries.h"
#include "cli/shared_caches.h"
#include "cli/ssh_agents.h"
#include "cli/step_options.h"
#include "cli/store.h"
#include "dockerfile/parser.h"
#include "exporter/exporter.h"
#include "exporter/output.h"
#include "graph/arguments.h"
#include "graph/from_dockerfile.h"
#include "history/builds.h"
#include "image/image.h"
#include "image/tags.h"
#include "oci/reference.h"
#include "os/file.h"
#include "progress/make_sink.h"
#include "remote/fetcher.h"
#include "sandbox/user_namespace.h"
#include "solver/bases.h"
#include "solver/build_executor.h"
#include "solver/devices.h"
#include "solver/scheduler.h"
#include "store/background_sync.h"
#include "trace/recording_lower.h"

namespace pgstrata::cli {
namespace {

/// What the command line says, read and checked before anything is done.
struct Request {
  BuildOptions options;
  graph::BuildRequest graph;
  std::map<std::string, solver::Secret> secrets;
  std::map<std::string, std::string> image_contexts;
  ContextRequest contexts;
  std::map<std::string, std::vector<std::string>> ssh;
  std::map<std::string, std::string> annotations;
  std::vector<oci::Reference> names;
  std::vector<exporter::Output> outputs;
  SharedCaches caches;
  AttestRequest attestations;
  bool read_sets = true;
};

Result<graph::Network> parse_network(const std::string& text) {
  if (text.empty() || text == "default") return graph::Network::kDefault;
  if (text == "host") return graph::Network::kHost;
  if (text == "none") return graph::Network::kNone;
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("--network {}: there is no such network", text),
               .next = "use default, host or none"});
}

Result<bool> parse_read_set(const std::string& text) {
  if (text == "on" || text == "off") return text == "on";
  return fail({.kind = ErrorKind::kUsage,
               .what = fmt::format("--read-set {}: there is no such mode", text),
               .next = "use on or off"});
}

bool is_true(const std::map<std::string, std::string>& build_args, const std::string& name) {
  const auto found = build_args.find(name);
  return found != build_args.end() && (found->second == "1" || found->second == "true");
}

/// CONTEXT, --file and --build-context.
Result<void> read_contexts(const BuildOptions& options, Request& request) {
  ContextRequest& contexts = request.contexts;
  contexts.context = options.context;
  contexts.place = TRY(parse_context("the context directory", options.context));
  contexts.file = options.file;
  contexts.keep_git_dir = is_true(request.graph.build_args, "BUILDKIT_CONTEXT_KEEP_GIT_DIR");
  contexts.commit_times = request.graph.build_args.contains("SOURCE_DATE_EPOCH");
  const auto named = TRY(parse_assignments("--build-context", options.build_contexts));
  for (const auto& [name, value] : named) {
    if (value == "docker-image://scratch") {
      request.graph.empty_contexts.insert(name);
      continue;
    }
    if (value.starts_with("docker-image://") || value.starts_with("oci-layout://")) {
      request.image_contexts[name] = value;
      request.graph.image_contexts.insert(name);
      continue;
    }
    contexts.named[name] = TRY(parse_context("the directory of --build-context " + name, value));
    request.graph.named_contexts.insert(name);
    if (std::holds_alternative<StandardInput>(contexts.named[name]))
      return fail({.kind = ErrorKind::kUsage,
                   .what = fmt::format("--build-context {}=-: only CONTEXT can be standard input", name)});
  }
  return {};
}

/// --output, --load and --push; --tag is read.
Result<void> read_outputs(const BuildOptions& options, Request& request) {
  for (const std::string& output : options.outputs)
    request.outputs.push_back(TRY(exporter::parse_output(output)));
  if (std::count_if(request.outputs.begin(), request.outputs.end(), exporter::goes_to_stdout) > 1)
    return fail({.kind = ErrorKind::kUsage,
                 .what = "two outputs can't both go to standard output",
                 .next = "name a file for all but one of them: --output type=…,dest=FILE"});
  if (options.load) request.outputs.push_back(exporter::DockerOutput{.to = exporter::ToEngine{}});
  if (options.push) request.outputs.push_back(exporter::ImageOutput{.names = {}, .push = true});
  for (const exporter::Output& output : request.outputs)
    if (exporter::pushes(output) && request.names.empty() &&
        std::get<exporter::ImageOutput>(output).names.empty())
      return fail({.kind = ErrorKind::kUsage,
                   .what = "an image without a name can't be pushed",
                   .next = "-t REGISTRY/NAME:TAG says where to"});
  return {};
}

Result<Request> read_request(const BuildOptions& options) {
  Request request{.options = options};
  graph::BuildRequest& graph = request.graph;
  graph.build_args = TRY(parse_build_args(options.build_args));
  add_epoch_of_environment(graph.build_args);
  graph.labels = TRY(parse_labels(options.labels));
  graph.target = options.target;
  graph.no_cache = options.no_cache;
  graph.no_cache_filter = options.no_cache_filter;
  graph.network = TRY(parse_network(options.network));
  request.read_sets = TRY(parse_read_set(options.read_set));
  if (options.verify && options.no_cache)
    return fail({.kind = ErrorKind::kUsage,
                 .what = "--verify with --no-cache: nothing would be reused that could be verified",
                 .next = "leave one of them out"});
  graph.limits.hosts = TRY(parse_hosts(options.hosts));
  graph.limits.ulimits = TRY(parse_ulimits(options.ulimits));
  graph.limits.shm_size = TRY(parse_size("--shm-size", options.shm_size));
  graph.entitlements = TRY(parse_allow(options.allow));
  request.attestations = TRY(parse_attestations(options.attest, options.sbom, options.provenance));
  request.annotations = TRY(parse_annotations(options.annotations));
  if (!options.platform.empty()) graph.platform = TRY(oci::Platform::parse(options.platform));
  TRY_VOID(read_contexts(options, request));
  request.ssh = TRY(parse_ssh(options.ssh));
  request.secrets = TRY(parse_secrets(options.secrets));
  for (const std::string& tag : options.tags) request.names.push_back(TRY(oci::Reference::parse(tag)));
  TRY_VOID(read_outputs(options, request));
  request.caches = TRY(parse_shared_caches(options.cache_to, options.cache_from));
  return request;
}

/// The solver knows only the line of an instruction that can't be done: what it names in quotes is shown in
/// it.
Error with_excerpt(Error error, const dockerfile::Dockerfile& dockerfile) {
  if (error.kind != ErrorKind::kUsage || !error.detail.empty()) return error;
  for (const dockerfile::Instruction& instruction : dockerfile.instructions) {
    if (error.where != fmt::format("{}:{}", dockerfile.source.file_name(), instruction.range.line))
      continue;
    const std::size_t quote = std::min(error.what.find('"'), error.what.size() - 1) + 1;
    const std::string word = error.what.substr(quote, error.what.find('"', quote) - quote);
    error.where.clear();
    return dockerfile.source.located(std::move(error), instruction.place_of(word));
  }
  return error;
}

/// ARG SOURCE_DATE_EPOCH=… before the first FROM, if the command line and the environment say nothing.
Result<std::optional<std::int64_t>> default_epoch(const dockerfile::Dockerfile& dockerfile,
                                                  const graph::BuildRequest& request) {
  const graph::Environment global = TRY(graph::global_arguments(dockerfile, request));
  const auto value = global.get("SOURCE_DATE_EPOCH");
  return value ? parse_epoch(*value) : std::nullopt;
}

/// When the command started, by both clocks.
struct Began {
  std::chrono::steady_clock::time_point clock = std::chrono::steady_clock::now();
  std::int64_t wall = cache::Index::now();  ///< ns since the epoch

  [[nodiscard]] double seconds_ago() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - clock).count();
  }
};

/// Everything after parsing; its Error is shown by the sink.
class Build {
 public:
  Build(const GlobalOptions& global, const Request& request, progress::Sink& sink, Began began)
      : global_(global), request_(request), sink_(sink), began_(began) {}

  Result<void> run() {
    if (!request_.options.cgroup_parent.empty())
      sink_.message(progress::Level::kWarning,
                    "--cgroup-parent changes nothing: RUN has no cgroup of its own");
    store_ = TRY(open_store(global_));
    TRY_VOID(open_inputs());
    graph::BuildRequest graph_request = request_.graph;
    TRY_VOID(resolve_epoch(graph_request.build_args));
    const dockerfile::Parsed parsed =
        dockerfile::parse_until_error(contexts_.dockerfile, contexts_.dockerfile_name);
    if (!graph_request.build_args.contains("SOURCE_DATE_EPOCH"))
      epoch_ = TRY(default_epoch(parsed.dockerfile, graph_request));
    registries_.emplace(remote::Proxies::from(request_.graph.build_args));
    bases_.emplace(store_, *registries_, sink_, request_.options.pull);
    solver::Bases bases(*store_.layers,
                        {.build_contexts = request_.image_contexts,
                         .pull = request_.options.pull,
                         .make = [this](const oci::Reference& name, const oci::Platform& p) {
                           return bases_->make(name, p);
                         }});
    const graph::BuildGraph graph = TRY(plan(parsed, graph_request, bases));
    auto solved = solve(graph, bases);
    if (!solved) return fail(with_excerpt(std::move(solved).error(), parsed.dockerfile));
    const std::vector<solver::VertexResult> results = std::move(*solved);
    for (const auto& [name, context] : contexts_.directories) TRY_VOID(context->save_stat_cache());
    TRY_VOID(sync_.finish(*store_.index));
    manifest_ = TRY(write_image(*store_.content, epoch_, request_.annotations, graph, results));
    TRY_VOID(attest(graph_request, graph, results, bases));
    if (!request_.names.empty()) TRY_VOID(image::set_tags(*store_.content, request_.names, manifest_));
    TRY_VOID(export_all(graph, results));
    TRY_VOID(write_shared(request_.caches.to, graph, keys_, store_, *registries_, sink_));
    keep_store_small(results);
    return {};
  }

  /// What --call asks, instead of a build.
  Result<int> answer(const Call& call) {
    TRY_VOID(open_inputs());
    const context::IgnorePatterns ignore = TRY(ignored());
    return cli::answer(global_, call,
                       {.dockerfile = contexts_.dockerfile,
                        .dockerfile_path = contexts_.dockerfile_name,
                        .graph = request_.graph,
                        .image_contexts = request_.image_contexts,
                        .ignore = ignore});
  }

  /// Leaves a record of the build in the store, if it got as far as to open it. Without one a build is as
  /// good, so that it can't be written is only told.
  void remember(const Result<void>& result) {
    if (!store_.content) return;
    const bool is_directory = std::holds_alternative<Directory>(request_.contexts.place);
    const bool is_file = is_directory && request_.options.file != "-";
    const std::string& context = request_.options.context;
    history::Build build{
        .id = build_id_,
        .began = began_.wall,
        .seconds = began_.seconds_ago(),
        .context = is_directory ? absolute(context) : remote::without_credentials(context),
        .dockerfile = is_file ? absolute(contexts_.dockerfile_name) : contexts_.dockerfile_name,
        .image = id_,
        .unrecorded = unrecorded_};
    if (report_) {
      build.target = report_->target();
      build.steps = report_->steps();
    }
    if (!result) {
      const bool cancelled = result.error().kind == ErrorKind::kCancelled;
      build.outcome = cancelled ? history::Outcome::kCancelled : history::Outcome::kFailed;
      build.error = result.error().message();
    }
    const auto added = history::add(global_.root, build);
    if (!added && result)
      sink_.message(progress::Level::kWarning,
                    "the build can't be explained later: " + added.error().message());
  }

  /// Digest of the configuration: what Docker calls the image's ID.
  [[nodiscard]] const oci::Digest& id() const { return id_; }

 private:
  Result<void> open_inputs() {
    agents_.emplace(TRY(SshAgents::start(request_.ssh)));
    fetcher_ = make_fetcher();
    contexts_ = TRY(open_contexts(request_.contexts, global_.root, *fetcher_));
    return {};
  }

  /// What .dockerignore leaves out of the main context; an archive has none any more.
  Result<context::IgnorePatterns> ignored() {
    const auto main = contexts_.directories.find("");
    if (main != contexts_.directories.end()) return main->second->ignore_patterns();
    return context::IgnorePatterns::parse("", "");
  }

  /// What the checks find is shown, whatever becomes of the build.
  Result<graph::BuildGraph> plan(const dockerfile::Parsed& parsed, const graph::BuildRequest& request,
                                 solver::Bases& bases) {
    checks::Findings findings(TRY(checks::options_of(parsed.dockerfile.directives, request)));
    checks::check_text(parsed, request, findings);
    const std::set<std::string> no_bases;
    const context::IgnorePatterns ignore = TRY(ignored());
    checks::StepRules rules({.request = request,
                             .escape = parsed.dockerfile.directives.escape,
                             .ignore = ignore,
                             .unknown_bases = no_bases},
                            findings);
    Result<graph::BuildGraph> graph = parsed.error
                                          ? Result<graph::BuildGraph>(fail(*parsed.error))
                                          : graph::build_graph(parsed.dockerfile, request, bases, &rules);
    for (const checks::Warning& warning : findings.sorted())
      sink_.check_warning({.rule = std::string(warning.rule->name),
                           .message = warning.message,
                           .url = warning.rule->url(),
                           .line = warning.range.line});
    if (!graph) return graph;
    auto devices = solver::resolve_devices(*graph, request.entitlements, contexts_.dockerfile_name);
    if (!devices) return fail(with_excerpt(std::move(devices).error(), parsed.dockerfile));
    devices_ = std::move(*devices);
    if (auto error = findings.error(parsed.dockerfile.source)) return fail(std::move(*error));
    return graph;
  }

  std::unique_ptr<remote::Fetcher> make_fetcher() {
    return std::make_unique<remote::NetworkFetcher>(remote::NetworkOptions{
        .root = global_.root + "/remote",
        .proxies = remote::Proxies::from(request_.graph.build_args),
        .secret = [this](const std::string& id) -> std::optional<std::string> {
          const auto found = request_.secrets.find(id);
          if (found == request_.secrets.end()) return std::nullopt;
          return found->second.value;
        },
        .ssh_agent = agents_->sockets().contains("default") ? agents_->sockets().at("default") : ""});
  }

  /// SOURCE_DATE_EPOCH=context becomes the number that it stands for, for the Dockerfile as well.
  Result<void> resolve_epoch(std::map<std::string, std::string>& build_args) {
    const auto given = build_args.find("SOURCE_DATE_EPOCH");
    if (given == build_args.end()) return {};
    if (given->second == "context") {
      const auto time = TRY(context_time(request_.contexts, contexts_, *fetcher_));
      if (!time) {  // as BuildKit: a directory has no time of its own, so the argument isn't given either
        build_args.erase(given);
        return {};
      }
      given->second = fmt::format("{}", *time);
    }
    epoch_ = TRY(parse_epoch(given->second));
    return {};
  }

  Result<std::vector<solver::VertexResult>> solve(const graph::BuildGraph& graph, solver::Bases& bases) {
    report_.emplace(graph, sink_, bases_->steps(), began_.clock);
    const auto recordable = trace::can_record();
    if (!request_.read_sets)
      unrecorded_ = "--read-set=off";
    else if (!recordable)
      unrecorded_ = recordable.error().message();
    const auto shared = TRY(open_shared(request_.caches.from, store_, *registries_, sink_));
    std::stop_source stop;
    std::optional<Interrupts> interrupts;
    solver::BuildInputs inputs{
        .graph = graph,
        .layers = *store_.layers,
        .bases = bases,
        .launcher = sandbox::system_launcher(),
        .observer = *report_,
        .contexts = {},
        .secrets = request_.secrets,
        .ssh_agents = agents_->sockets(),
        .devices = devices_.get(),
        .fetcher = fetcher_.get(),
        .shared = shared.get(),
        .dockerfile = contexts_.dockerfile_name,
        .slot_prefix = absolute(request_.options.context) + "\n" + absolute(contexts_.dockerfile_name),
        .source_date_epoch = epoch_,
        .read_sets = request_.read_sets && recordable.has_value(),
        .verify = request_.options.verify,
        .enter_sandbox = [&]() -> Result<void> {
          sink_.suspend();
          TRY_VOID(sandbox::enter_namespaces());
          if (request_.read_sets && !recordable)
            sink_.message(
                progress::Level::kWarning,
                "steps are reused only if nothing below them changed: " + recordable.error().message());
          if (const auto missing = sandbox::missing_ids())
            sink_.message(progress::Level::kWarning, missing->message());
          TRY_VOID(store_.lock->clear_abandoned(global_.root));
          interrupts.emplace(stop);
          return sync_.start(global_.root);
        },
        .mutant = mutant};
    for (const auto& [name, context] : contexts_.directories) inputs.contexts[name] = context.get();
    for (const auto& [name, archive] : contexts_.archives) inputs.archives[name] = archive.get();
    solver::BuildExecutor executor(inputs);
    const unsigned parallelism = std::max(2U, std::thread::hardware_concurrency());
    auto results = solver::schedule(graph, executor, parallelism, stop.get_token());
    for (graph::VertexId id = 0; results && id < graph.vertices.size(); ++id)
      keys_.push_back(executor.key(id));
    return results;
  }

  /// Makes the attestations that are asked for, and has the image's descriptor lead to them.
  Result<void> attest(const graph::BuildRequest& graph_request, const graph::BuildGraph& graph,
                      const std::vector<solver::VertexResult>& results, solver::Bases& bases) {
    const AttestRequest& wanted = request_.attestations;
    if (!wanted.any()) return {};
    if (wanted.sbom) {
      std::vector<cache::LayerRow> chain;
      if (graph.target.root) chain = results[*graph.target.root].chain.layers;
      const std::string name =
          request_.names.empty() ? manifest_.digest.str() : request_.names.front().familiar();
      attestations_.push_back(TRY(sbom_of(store_, manifest_, chain, name)));
    }
    if (wanted.provenance) {
      build_id_ = TRY(history::new_id());
      const BuiltParts parts{.request = graph_request,
                             .image_contexts = request_.image_contexts,
                             .context_request = request_.contexts,
                             .contexts = contexts_,
                             .graph = graph,
                             .results = results,
                             .bases = bases,
                             .fetcher = *fetcher_,
                             .epoch = epoch_,
                             .began = began_.wall,
                             .ended = cache::Index::now(),
                             .build_id = build_id_,
                             .version = PGSTRATA_VERSION};
      const attest::Provenance provenance = TRY(provenance_of(parts, *wanted.provenance));
      attestations_.push_back({.type = std::string(attest::predicate_type::kProvenance),
                               .json = attest::predicate_json(provenance)});
    }
    manifest_ = TRY(attest::store(*store_.content, attestations_, manifest_));
    return {};
  }

  /// What the build used counts as used. Only one that made something makes the store larger. The build is
  /// done, whatever comes of it.
  void keep_store_small(const std::vector<solver::VertexResult>& results) {
    bool made_something = false;
    for (const solver::VertexResult& result : results) {
      made_something |= result.status != solver::Status::kHit;
      store_.layers->touch(result.layer ? std::vector{*result.layer} : result.chain.layers);
    }
    if (!made_something) return;
    const auto kept = keep_bound(store_, global_.root, sink_);
    if (!kept) sink_.message(progress::Level::kWarning, kept.error().message());
  }

  Result<void> export_all(const graph::BuildGraph& graph,
                          const std::vector<solver::VertexResult>& results) {
    const image::Image image = TRY(image::load(*store_.content, manifest_));
    id_ = image.manifest.config.digest;
    std::vector<cache::LayerRow> chain;
    if (graph.target.root) chain = results[*graph.target.root].chain.layers;
    const exporter::Request request{
        .image = image,
        .chain = chain,
        .names = request_.names,
        .layers = *store_.layers,
        .source_date_epoch = epoch_,
        .repository = [this](const oci::Reference& name) { return registries_->to_write(name); },
        .attestations = attestations_};
    for (const exporter::Output& output : request_.outputs) {
      if (exporter::pushes(output))
        TRY_VOID(check_pushable(image.config, request_.options.allow_bootstrap));
      const exporter::Exported exported = TRY(exporter::export_image(request, output));
      if (exporter::pushes(output)) manifest_ = exported.manifest;
      for (const std::string& message : exported.messages) sink_.message(progress::Level::kInfo, message);
    }
    std::vector<std::string> names;
    for (const oci::Reference& name : request_.names) names.push_back(name.str());
    if (!request_.options.iidfile.empty())
      TRY_VOID(os::replace_file(request_.options.iidfile, id_.str(), /*durable=*/true));
    if (!request_.options.metadata_file.empty())
      TRY_VOID(os::replace_file(request_.options.metadata_file,
                                metadata(report_->steps(), manifest_, id_, names),
                                /*durable=*/true));
    return {};
  }

  const GlobalOptions& global_;
  const Request& request_;
  progress::Sink& sink_;
  const Began began_;
  Store store_;
  std::optional<SshAgents> agents_;
  std::unique_ptr<remote::Fetcher> fetcher_;
  std::unique_ptr<cdi::Registry> devices_;  ///< if a RUN uses one
  Contexts contexts_;
  std::optional<std::int64_t> epoch_;  ///< SOURCE_DATE_EPOCH
  store::BackgroundSync sync_;
  std::optional<Registries> registries_;
  std::optional<BaseMaker> bases_;
  std::optional<BuildReport> report_;
  std::vector<oci::Digest> keys_;  ///< the exact key of each vertex
  std::string unrecorded_;         ///< why what RUNs ask isn't recorded, or ""
  oci::Descriptor manifest_;
  std::vector<attest::Predicate> attestations_;
  std::string build_id_;  ///< of its record, if somebody has to know it before
  oci::Digest id_;
};

Result<int> build(const GlobalOptions& global, const BuildOptions& options) {
  const Began began;
  const progress::Mode mode =
      options.quiet ? progress::Mode::kQuiet : TRY(progress::parse_mode(options.progress));
  const Request request = TRY(read_request(options));
  const Call call = TRY(parse_call(options.check && options.call == "build" ? "check" : options.call));
  if (call.what != Call::What::kBuild) {
    const auto nothing_to_tell = progress::make_sink(progress::Mode::kQuiet, STDERR_FILENO);
    return Build(global, request, *nothing_to_tell, began).answer(call);
  }
  const auto sink = progress::make_sink(mode, STDERR_FILENO);
  Build build(global, request, *sink, began);
  const auto result = build.run();
  build.remember(result);
  const double seconds = began.seconds_ago();
  if (result) {
    sink->build_finished(progress::Built{}, seconds);
    const bool stdout_is_taken =
        std::any_of(request.outputs.begin(), request.outputs.end(), exporter::goes_to_stdout);
    if (options.quiet && !stdout_is_taken) fmt::print("{}\n", build.id().str());
    return 0;
  }
  if (result.error().kind == ErrorKind::kCancelled)
    sink->build_finished(progress::BuildCancelled{}, seconds);
  else
    sink->build_finished(result.error(), seconds);
  return exit_code(result.error());
}

}  // namespace

solver::Mutant mutant;

Command add_build(CLI::App& app, const GlobalOptions& global) {
  const auto options = std::make_shared<BuildOptions>();
  options->add_to(app);
  return [options, &global] {
    const auto once = [&] { return build(global, *options); };
    return options->watch ? build_and_watch(*options, once) : once();
  };
}

}  // namespace pgstrata::cli
