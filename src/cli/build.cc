// `pgstrata build`: the way of the data, phase by phase.
#include "cli/build.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "bootstrap/base_name.h"
#include "cli/build_options.h"
#include "cli/build_report.h"
#include "cli/interrupts.h"
#include "cli/store.h"
#include "dockerfile/parser.h"
#include "exporter/exporter.h"
#include "exporter/output.h"
#include "graph/arguments.h"
#include "graph/from_dockerfile.h"
#include "image/image.h"
#include "image/tags.h"
#include "oci/reference.h"
#include "os/file.h"
#include "progress/make_sink.h"
#include "sandbox/user_namespace.h"
#include "solver/bases.h"
#include "solver/bootstrap_base.h"
#include "solver/build_executor.h"
#include "solver/scheduler.h"
#include "store/background_sync.h"
#include "trace/recording_lower.h"

namespace pgstrata::cli {
namespace {

using Contexts = std::map<std::string, std::unique_ptr<context::BuildContext>>;

std::string absolute(const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  std::string text = resolved != nullptr ? resolved : path;
  ::free(resolved);
  return text;
}

/// What the command line says, read and checked before anything is done.
struct Request {
  BuildOptions options;
  graph::BuildRequest graph;
  std::map<std::string, solver::Secret> secrets;
  std::map<std::string, std::string> image_contexts;
  std::map<std::string, std::string> local_contexts;
  std::vector<oci::Reference> names;
  std::vector<exporter::Output> outputs;
  std::optional<std::int64_t> epoch;
  bool read_sets = true;
  std::string dockerfile_path;
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

/// Without this the first file that is looked for in it would be what is missing.
Result<void> check_directory(const std::string& name, const std::string& path) {
  struct stat status {};
  int code = ::stat(path.c_str(), &status) == 0 ? 0 : errno;
  if (code == 0 && !S_ISDIR(status.st_mode)) code = ENOTDIR;
  if (code == 0) return {};
  Error error = system_error("can't read " + name, path, code);
  error.kind = ErrorKind::kUsage;
  error.next = code == ENOTDIR ? "give the directory it is in; a Dockerfile is named with --file"
                               : "give the directory that holds the files to copy; . is the current one";
  return fail(std::move(error));
}

Result<Request> read_request(const BuildOptions& options) {
  TRY_VOID(check_directory("the context directory", options.context));
  Request request{.options = options};
  graph::BuildRequest& graph = request.graph;
  graph.build_args = TRY(parse_build_args(options.build_args));
  graph.labels = TRY(parse_assignments("--label", options.labels));
  graph.target = options.target;
  graph.no_cache = options.no_cache;
  graph.no_cache_filter = options.no_cache_filter;
  graph.network = TRY(parse_network(options.network));
  request.read_sets = TRY(parse_read_set(options.read_set));
  graph.entitlements.insert(options.allow.begin(), options.allow.end());
  if (!options.platform.empty()) graph.platform = TRY(oci::Platform::parse(options.platform));
  const auto named = TRY(parse_assignments("--build-context", options.build_contexts));
  for (const auto& [name, value] : named) {
    const bool local = value.find("://") == std::string::npos;
    (local ? request.local_contexts : request.image_contexts)[name] = value;
    (local ? graph.named_contexts : graph.image_contexts).insert(name);
  }
  for (const auto& [name, directory] : request.local_contexts)
    TRY_VOID(check_directory("the directory of --build-context " + name, directory));
  request.secrets = TRY(parse_secrets(options.secrets));
  request.epoch = TRY(source_date_epoch(graph.build_args));
  // As BuildKit: a directory has no time of its own, so the argument isn't given either.
  if (const auto epoch = graph.build_args.find("SOURCE_DATE_EPOCH");
      epoch != graph.build_args.end() && epoch->second == "context")
    graph.build_args.erase(epoch);
  for (const std::string& tag : options.tags) request.names.push_back(TRY(oci::Reference::parse(tag)));
  for (const std::string& output : options.outputs)
    request.outputs.push_back(TRY(exporter::parse_output(output)));
  if (std::count_if(request.outputs.begin(), request.outputs.end(), exporter::goes_to_stdout) > 1)
    return fail({.kind = ErrorKind::kUsage,
                 .what = "two outputs can't both go to standard output",
                 .next = "name a file for all but one of them: --output type=…,dest=FILE"});
  if (options.load) request.outputs.push_back(exporter::DockerOutput{.to = exporter::ToEngine{}});
  request.dockerfile_path = !options.file.empty() ? options.file : options.context + "/Dockerfile";
  return request;
}

Result<std::string> read_dockerfile(const Request& request) {
  auto text = os::read_file(request.dockerfile_path);
  if (!text && text.error().kind == ErrorKind::kNotFound && request.options.file.empty()) {
    auto lower_case = os::read_file(request.options.context + "/dockerfile");
    if (lower_case) return lower_case;
  }
  if (text) return text;
  Error error = std::move(text).error();
  error.kind = ErrorKind::kUsage;
  error.what = "can't read the Dockerfile";
  error.next = "name it with --file, or give the directory that holds it";
  return fail(std::move(error));
}

/// One or the other: the file beside the Dockerfile, or that of the context.
Result<std::pair<std::string, std::string>> read_ignore_file(const std::string& directory,
                                                             const std::string& dockerfile) {
  for (const std::string& name : {dockerfile + ".dockerignore", directory + "/.dockerignore"}) {
    auto text = os::read_file(name);
    if (text) return std::pair(*text, name);
    // A directory of that name ignores nothing.
    if (text.error().kind != ErrorKind::kNotFound && !std::filesystem::is_directory(name))
      return fail(std::move(text).error());
  }
  return std::pair<std::string, std::string>();
}

Result<std::unique_ptr<context::BuildContext>> open_context(const std::string& directory,
                                                            const std::string& dockerfile,
                                                            const std::string& root) {
  const auto [ignore_text, ignore_name] = TRY(read_ignore_file(directory, dockerfile));
  const std::string real = absolute(directory);
  TRY_VOID(os::make_directories(root + "/stat-cache"));
  return context::BuildContext::open({.directory = real,
                                      .ignore_text = ignore_text,
                                      .ignore_name = ignore_name,
                                      .stat_cache_path = root + "/stat-cache/" + oci::sha256(real).hex()});
}

Result<Contexts> open_contexts(const Request& request, const std::string& root) {
  Contexts contexts;
  contexts[""] = TRY(open_context(request.options.context, request.dockerfile_path, root));
  for (const auto& [name, directory] : request.local_contexts)
    contexts[name] = TRY(open_context(directory, "", root));
  return contexts;
}

/// The configuration with its history, and the layers, of the target stage.
Result<oci::Descriptor> write_image(const content::ContentStore& content, const Request& request,
                                    const graph::BuildGraph& graph,
                                    const std::vector<solver::VertexResult>& results) {
  const graph::StageResult& stage = graph.target;
  oci::ImageConfig config = stage.config;
  // Without a layer of its own it is as old as its base, and without a base it has no time, as BuildKit
  // does it: that of the build would give another ID each time.
  std::string last_of_base;
  for (const oci::History& step : config.history)
    if (!step.created.empty()) last_of_base = step.created;
  std::string created;
  if (request.epoch) created = oci::format_time(*request.epoch * 1'000'000'000);
  for (const graph::HistoryStep& step : stage.history) {
    // An instruction without a layer is as old as the layer before it: a build that reuses everything
    // gives the same image, to the byte.
    if (step.vertex && !request.epoch && results[*step.vertex].created_ns != 0)
      created = oci::format_time(results[*step.vertex].created_ns);
    config.history.push_back({.created = created,
                              .created_by = step.created_by,
                              .comment = step.comment,
                              .empty_layer = !step.vertex.has_value()});
  }
  if (created.empty()) created = last_of_base;
  config.created = created;
  for (oci::History& step : config.history)
    if (step.created.empty()) step.created = created;
  std::vector<image::LayerBlob> layers;
  if (stage.root)
    for (const cache::LayerRow& layer : results[*stage.root].chain.layers)
      layers.push_back({layer.diff_id, layer.size});
  return image::write(content, std::move(config), layers);
}

/// ARG SOURCE_DATE_EPOCH=… before the first FROM, if the command line and the environment say nothing.
Result<std::optional<std::int64_t>> default_epoch(const dockerfile::Dockerfile& dockerfile,
                                                  const graph::BuildRequest& request) {
  const std::string name = "SOURCE_DATE_EPOCH";
  if (request.build_args.contains(name) || std::getenv(name.c_str()) != nullptr) return std::nullopt;
  const graph::Environment global = TRY(graph::global_arguments(dockerfile, request));
  const auto value = global.get(name);
  if (!value || value->empty()) return std::nullopt;
  return source_date_epoch({{name, *value}});
}

/// Everything after parsing; its Error is shown by the sink.
class Build {
 public:
  Build(const GlobalOptions& global, const Request& request, progress::Sink& sink)
      : global_(global), request_(request), sink_(sink) {}

  Result<void> run() {
    store_ = TRY(open_store(global_));
    const std::string text = TRY(read_dockerfile(request_));
    const auto dockerfile = TRY(dockerfile::parse(text, request_.dockerfile_path));
    if (!request_.epoch) request_.epoch = TRY(default_epoch(dockerfile, request_.graph));
    contexts_ = TRY(open_contexts(request_, global_.root));
    solver::Bases bases(*store_.layers,
                        {.build_contexts = request_.image_contexts,
                         .pull = request_.options.pull,
                         .make = [this](const oci::Reference& name, const oci::Platform& p) {
                           return make_base(name, p);
                         }});
    const graph::BuildGraph graph = TRY(graph::build_graph(dockerfile, request_.graph, bases));
    const auto results = TRY(solve(graph, bases));
    for (const auto& [name, context] : contexts_) TRY_VOID(context->save_stat_cache());
    TRY_VOID(sync_.finish(*store_.index));
    manifest_ = TRY(write_image(*store_.content, request_, graph, results));
    if (!request_.names.empty()) TRY_VOID(image::set_tags(*store_.content, request_.names, manifest_));
    return export_all(graph, results);
  }

  /// Digest of the configuration: what Docker calls the image's ID.
  [[nodiscard]] const oci::Digest& id() const { return id_; }

 private:
  /// mmdebstrap is an ordinary program, and Ctrl-C has to end all of it.
  Result<oci::Descriptor> make_base(const oci::Reference& name, const oci::Platform& platform) {
    if (!bootstrap::parse_base_name(name.str()))
      return solver::bootstrap_base(*store_.layers, name, platform, {}, {});  // says what can be done
    sink_.message(progress::Level::kInfo,
                  fmt::format("no registry can be reached by this version of pgstrata: making {} from "
                              "Debian's packages, once",
                              name.familiar()));
    const progress::StepId step = bootstraps_++;
    sink_.step_declared({.id = step, .name = fmt::format("bootstrap {}", name.familiar())});
    sink_.step_started(step);
    const auto start = std::chrono::steady_clock::now();
    Result<oci::Descriptor> made = [&] {
      std::stop_source stop;
      const Interrupts interrupts(stop);
      return solver::bootstrap_base(
          *store_.layers, name, platform,
          [&](std::string_view line) {
            sink_.step_output(step, progress::Stream::kStdout, std::string(line) + "\n");
          },
          stop.get_token());
    }();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (made)
      sink_.step_finished(step,
                          {.outcome = progress::Ran{}, .reason = "not in the store", .seconds = seconds});
    else
      sink_.step_finished(step, {.outcome = progress::Failed{made.error().what}, .seconds = seconds});
    sink_.suspend();
    return made;
  }

  Result<std::vector<solver::VertexResult>> solve(const graph::BuildGraph& graph, solver::Bases& bases) {
    report_.emplace(graph, sink_, bootstraps_);
    const auto recordable = trace::can_record();
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
        .dockerfile = request_.dockerfile_path,
        .slot_prefix = absolute(request_.options.context) + "\n" + absolute(request_.dockerfile_path),
        .source_date_epoch = request_.epoch,
        .read_sets = request_.read_sets && recordable.has_value(),
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
    for (const auto& [name, context] : contexts_) inputs.contexts[name] = context.get();
    solver::BuildExecutor executor(inputs);
    const unsigned parallelism = std::max(2U, std::thread::hardware_concurrency());
    return solver::schedule(graph, executor, parallelism, stop.get_token());
  }

  Result<void> export_all(const graph::BuildGraph& graph,
                          const std::vector<solver::VertexResult>& results) {
    const image::Image image = TRY(image::load(*store_.content, manifest_));
    id_ = image.manifest.config.digest;
    std::vector<cache::LayerRow> chain;
    if (graph.target.root) chain = results[*graph.target.root].chain.layers;
    const exporter::Request request{.image = image,
                                    .chain = chain,
                                    .names = request_.names,
                                    .layers = *store_.layers,
                                    .source_date_epoch = request_.epoch};
    for (const exporter::Output& output : request_.outputs) {
      const exporter::Exported exported = TRY(exporter::export_image(request, output));
      for (const std::string& message : exported.messages) sink_.message(progress::Level::kInfo, message);
    }
    std::vector<std::string> names;
    for (const oci::Reference& name : request_.names) names.push_back(name.str());
    if (!request_.options.iidfile.empty())
      TRY_VOID(os::replace_file(request_.options.iidfile, id_.str(), /*durable=*/true));
    if (!request_.options.metadata_file.empty())
      TRY_VOID(os::replace_file(request_.options.metadata_file, report_->metadata(manifest_, id_, names),
                                /*durable=*/true));
    return {};
  }

  const GlobalOptions& global_;
  Request request_;
  progress::Sink& sink_;
  Store store_;
  Contexts contexts_;
  store::BackgroundSync sync_;
  std::size_t bootstraps_ = 0;  ///< steps that came before those of the graph
  std::optional<BuildReport> report_;
  oci::Descriptor manifest_;
  oci::Digest id_;
};

Result<int> build(const GlobalOptions& global, const BuildOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const progress::Mode mode =
      options.quiet ? progress::Mode::kQuiet : TRY(progress::parse_mode(options.progress));
  const Request request = TRY(read_request(options));
  const auto sink = progress::make_sink(mode, STDERR_FILENO);
  Build build(global, request, *sink);
  const auto result = build.run();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
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
  return [options, &global] { return build(global, *options); };
}

}  // namespace pgstrata::cli
