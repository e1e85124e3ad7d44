// `pgstrata build`: the way of the data, phase by phase.
#include "cli/build.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "checks/step_rules.h"
#include "checks/text_rules.h"
#include "cli/base_maker.h"
#include "cli/build_call.h"
#include "cli/build_options.h"
#include "cli/build_report.h"
#include "cli/build_request.h"
#include "cli/build_watch.h"
#include "cli/built_image.h"
#include "cli/contexts.h"
#include "cli/epoch_time.h"
#include "cli/interrupts.h"
#include "cli/provenance.h"
#include "cli/pushing.h"
#include "cli/reclaim.h"
#include "cli/registries.h"
#include "cli/shared_caches.h"
#include "cli/ssh_agents.h"
#include "cli/store.h"
#include "dockerfile/parser.h"
#include "exporter/exporter.h"
#include "exporter/output.h"
#include "graph/arguments.h"
#include "graph/from_dockerfile.h"
#include "graph/merge.h"
#include "history/builds.h"
#include "image/image.h"
#include "image/platforms.h"
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

/// The solver knows only the line of an instruction that can't be done: what it names in quotes is shown in
/// it.
Error with_excerpt(Error error, const dockerfile::Dockerfile& dockerfile) {
  const bool has_place = error.kind == ErrorKind::kUsage || error.kind == ErrorKind::kMachine;
  if (!has_place || !error.detail.empty()) return error;
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

/// When the command started, by both clocks.
struct Began {
  std::chrono::steady_clock::time_point clock = std::chrono::steady_clock::now();
  std::int64_t wall = cache::Index::now();  ///< ns since the epoch

  [[nodiscard]] double seconds_ago() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - clock).count();
  }
};

/// What is made for one of the platforms.
struct PlatformBuild {
  graph::BuildRequest request;
  graph::BuildGraph graph;
  std::vector<solver::VertexResult> results;  ///< of the graph's vertices
  oci::Descriptor manifest;
  std::vector<attest::Predicate> attestations;

  [[nodiscard]] std::vector<cache::LayerRow> chain() const {
    return graph.target.root ? results[*graph.target.root].chain.layers : std::vector<cache::LayerRow>{};
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
    const dockerfile::Parsed parsed =
        dockerfile::parse_until_error(contexts_.dockerfile, contexts_.dockerfile_name);
    TRY_VOID(resolve_epoch(parsed, graph_request));
    registries_.emplace(remote::Proxies::from(request_.graph.build_args));
    bases_.emplace(store_, *registries_, sink_, request_.options.pull);
    solver::Bases bases(*store_.layers,
                        {.build_contexts = request_.image_contexts,
                         .pull = request_.options.pull,
                         .make = [this](const oci::Reference& name, const oci::Platform& p) {
                           return bases_->make(name, p);
                         }});
    TRY_VOID(plan(parsed, graph_request, bases));
    auto solved = solve(bases);
    if (!solved) return fail(with_excerpt(std::move(solved).error(), parsed.dockerfile));
    for (const auto& [name, context] : contexts_.directories) TRY_VOID(context->save_stat_cache());
    TRY_VOID(sync_.finish(*store_.index));
    TRY_VOID(write_images(bases));
    if (!request_.names.empty()) TRY_VOID(image::set_tags(*store_.content, request_.names, manifest_));
    TRY_VOID(export_all());
    TRY_VOID(write_shared(request_.caches.to, merged_, keys_, store_, *registries_, sink_));
    keep_store_small();
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

  /// Digest of the configuration: what Docker calls the image's ID. Of several platforms that of the index.
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

  /// The graph of each platform, and of all together. The checks are the first one's.
  Result<void> plan(const dockerfile::Parsed& parsed, const graph::BuildRequest& request,
                    solver::Bases& bases) {
    std::vector<graph::BuildGraph> graphs;
    for (const oci::Platform& platform : request_.platforms) {
      graph::BuildRequest own = request;
      own.platform = platform;
      graphs.push_back(TRY(graphs.empty() ? plan_checked(parsed, own, bases)
                                          : graph::build_graph(parsed.dockerfile, own, bases)));
      TRY_VOID(find_devices(parsed, graphs.back()));
      builds_.push_back(
          {.request = std::move(own), .graph = {}, .results = {}, .manifest = {}, .attestations = {}});
    }
    merged_ = graph::merge(graphs);
    for (std::size_t i = 0; i < graphs.size(); ++i) builds_[i].graph = std::move(graphs[i]);
    return {};
  }

  Result<void> find_devices(const dockerfile::Parsed& parsed, graph::BuildGraph& graph) {
    auto devices = solver::resolve_devices(graph, request_.graph.entitlements, contexts_.dockerfile_name);
    if (!devices) return fail(with_excerpt(std::move(devices).error(), parsed.dockerfile));
    if (*devices) devices_ = std::move(*devices);
    return {};
  }

  /// What the checks find is shown, whatever becomes of the build.
  Result<graph::BuildGraph> plan_checked(const dockerfile::Parsed& parsed,
                                         const graph::BuildRequest& request, solver::Bases& bases) {
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

  /// SOURCE_DATE_EPOCH becomes the number that it stands for, for the Dockerfile as well.
  Result<void> resolve_epoch(const dockerfile::Parsed& parsed, graph::BuildRequest& graph_request) {
    if (parsed.error) return {};  // plan() tells it, with what the checks find
    const auto epoch = TRY(graph::read_epoch(parsed.dockerfile, graph_request));
    if (epoch) epoch_ = TRY(epoch_time(*epoch, request_.contexts, *fetcher_));
    graph::settle_epoch(graph_request, epoch_);
    return {};
  }

  Result<void> solve(solver::Bases& bases) {
    const graph::BuildGraph& graph = merged_.graph;
    report_.emplace(graph, sink_, bases_->steps(), began_.clock);
    const auto recordable = trace::can_record();
    if (!request_.read_sets)
      unrecorded_ = "--read-set=off";
    else if (!recordable)
      unrecorded_ = recordable.error().message();
    std::stop_source stop;
    std::optional<Interrupts> interrupts;
    // Before the namespaces are entered nothing else waits for signals, and the process has one thread.
    const auto interruptible = [&](const remotecache::Transfer& transfer) {
      std::optional<Interrupts> meanwhile;
      if (!interrupts) meanwhile.emplace(stop);
      return transfer(stop.get_token());
    };
    const auto shared = TRY(open_shared(request_.caches.from, store_, *registries_, sink_, interruptible));
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
          if (const auto stays = TRY(store_.lock->clear_abandoned(global_.root)))
            sink_.message(progress::Level::kWarning,
                          "what an earlier build left can't be cleared: " + stays->message());
          interrupts.emplace(stop);
          return sync_.start(global_.root);
        },
        .mutant = mutant};
    for (const auto& [name, context] : contexts_.directories) inputs.contexts[name] = context.get();
    for (const auto& [name, archive] : contexts_.archives) inputs.archives[name] = archive.get();
    solver::BuildExecutor executor(inputs);
    const unsigned parallelism = std::max(2U, std::thread::hardware_concurrency());
    std::vector<solver::VertexResult> results =
        TRY(solver::schedule(graph, executor, parallelism, stop.get_token()));
    for (graph::VertexId id = 0; id < graph.vertices.size(); ++id) keys_.push_back(executor.key(id));
    hand_out(std::move(results));
    return {};
  }

  /// To the platforms that they are of.
  void hand_out(std::vector<solver::VertexResult> results) {
    if (builds_.size() == 1) {
      builds_.front().results = std::move(results);
      return;
    }
    for (std::size_t i = 0; i < builds_.size(); ++i)
      for (const graph::VertexId place : merged_.places[i]) builds_[i].results.push_back(results[place]);
  }

  /// The image of each platform, and for several the index of them.
  Result<void> write_images(solver::Bases& bases) {
    if (request_.attestations.provenance) build_id_ = TRY(history::new_id());
    std::vector<oci::Descriptor> manifests;
    for (PlatformBuild& build : builds_) {
      build.manifest =
          TRY(write_image(*store_.content, epoch_, request_.annotations, build.graph, build.results));
      // As it was asked for, whatever variant the base is of.
      if (builds_.size() > 1) build.manifest.platform = build.request.platform;
      TRY_VOID(attest(build, bases));
      manifests.push_back(build.manifest);
    }
    manifest_ = TRY(image::join(*store_.content, std::move(manifests)));
    return {};
  }

  /// Makes the attestations that are asked for, and has the image's descriptor lead to them.
  Result<void> attest(PlatformBuild& build, solver::Bases& bases) {
    const AttestRequest& wanted = request_.attestations;
    if (!wanted.any()) return {};
    if (wanted.sbom) {
      const std::string name =
          request_.names.empty() ? build.manifest.digest.str() : request_.names.front().familiar();
      build.attestations.push_back(TRY(sbom_of(store_, build.manifest, build.chain(), name)));
    }
    if (wanted.provenance) {
      const BuiltParts parts{.request = build.request,
                             .image_contexts = request_.image_contexts,
                             .context_request = request_.contexts,
                             .contexts = contexts_,
                             .graph = build.graph,
                             .results = build.results,
                             .bases = bases,
                             .fetcher = *fetcher_,
                             .epoch = epoch_,
                             .began = began_.wall,
                             .ended = cache::Index::now(),
                             .build_id = build_id_,
                             .version = PGSTRATA_VERSION};
      const attest::Provenance provenance = TRY(provenance_of(parts, *wanted.provenance));
      build.attestations.push_back({.type = std::string(attest::predicate_type::kProvenance),
                                    .json = attest::predicate_json(provenance)});
    }
    build.manifest = TRY(attest::store(*store_.content, build.attestations, build.manifest));
    return {};
  }

  /// What the build used counts as used. Only one that made something makes the store larger. The build is
  /// done, whatever comes of it.
  void keep_store_small() {
    bool made_something = false;
    for (const PlatformBuild& build : builds_)
      for (const solver::VertexResult& result : build.results) {
        made_something |= result.status != solver::Status::kHit;
        store_.layers->touch(result.layer ? std::vector{*result.layer} : result.chain.layers);
      }
    if (!made_something) return;
    const auto kept = keep_bound(store_, global_.root, sink_);
    if (!kept) sink_.message(progress::Level::kWarning, kept.error().message());
  }

  Result<void> export_all() {
    std::vector<exporter::PlatformImage> images;
    for (const PlatformBuild& build : builds_) {
      image::Image image = TRY(image::load(*store_.content, build.manifest));
      images.push_back(
          {.image = std::move(image), .chain = build.chain(), .attestations = build.attestations});
    }
    const bool one = images.size() == 1;
    id_ = one ? images.front().image.manifest.config.digest : manifest_.digest;
    const exporter::Request request{
        .images = std::move(images),
        .names = request_.names,
        .layers = *store_.layers,
        .source_date_epoch = epoch_,
        .repository = [this](const oci::Reference& name) { return registries_->to_write(name); }};
    for (const exporter::Output& output : request_.outputs) {
      if (exporter::pushes(output))
        for (const exporter::PlatformImage& image : request.images)
          TRY_VOID(check_pushable(image.image.config, request_.options.allow_bootstrap));
      const exporter::Exported exported = TRY(exporter::export_image(request, output));
      if (exporter::pushes(output)) manifest_ = exported.manifest;
      for (const std::string& message : exported.messages) sink_.message(progress::Level::kInfo, message);
    }
    std::vector<std::string> names;
    for (const oci::Reference& name : request_.names) names.push_back(name.str());
    if (!request_.options.iidfile.empty())
      TRY_VOID(os::replace_file(request_.options.iidfile, id_.str(), /*durable=*/true));
    if (!request_.options.metadata_file.empty())
      TRY_VOID(os::replace_file(
          request_.options.metadata_file,
          metadata(report_->steps(), manifest_, one ? std::optional(id_) : std::nullopt, names),
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
  std::vector<oci::Digest> keys_;      ///< the exact key of each vertex
  std::string unrecorded_;             ///< why what RUNs ask isn't recorded, or ""
  std::vector<PlatformBuild> builds_;  ///< one for each platform
  graph::MergedGraph merged_;          ///< of all of them
  oci::Descriptor manifest_;           ///< what the names lead to
  std::string build_id_;               ///< of its record, if somebody has to know it before
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
