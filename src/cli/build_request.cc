#include "cli/build_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/ssh_agents.h"
#include "cli/step_options.h"

namespace pgstrata::cli {
namespace {

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
  const auto epoch = request.graph.build_args.find("SOURCE_DATE_EPOCH");
  contexts.commit_times = epoch != request.graph.build_args.end() && !epoch->second.empty();
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

Result<std::vector<oci::Platform>> parse_platforms(const std::vector<std::string>& words) {
  std::vector<oci::Platform> platforms;
  for (const std::string& word : words) {
    if (word.empty()) continue;
    oci::Platform platform = word == "local" ? oci::Platform::host() : TRY(oci::Platform::parse(word));
    if (std::find(platforms.begin(), platforms.end(), platform) == platforms.end())
      platforms.push_back(std::move(platform));
  }
  return platforms;
}

Result<void> read_platforms(const std::vector<std::string>& words, Request& request) {
  request.platforms = TRY(parse_platforms(words));
  request.graph.platform_given = !request.platforms.empty();
  if (request.platforms.empty()) request.platforms.push_back(oci::Platform::host());
  request.graph.platform = request.platforms.front();
  request.graph.name_platforms = request.platforms.size() > 1;
  return {};
}

/// Before anything is built, what could be said only when it is done.
Result<void> check_outputs(const Request& request) {
  if (std::count_if(request.outputs.begin(), request.outputs.end(), exporter::goes_to_stdout) > 1)
    return fail({.kind = ErrorKind::kUsage,
                 .what = "two outputs can't both go to standard output",
                 .next = "name a file for all but one of them: --output type=…,dest=FILE"});
  for (const exporter::Output& output : request.outputs) {
    if (exporter::pushes(output) && request.names.empty() &&
        std::get<exporter::ImageOutput>(output).names.empty())
      return fail({.kind = ErrorKind::kUsage,
                   .what = "an image without a name can't be pushed",
                   .next = "-t REGISTRY/NAME:TAG says where to"});
    TRY_VOID(exporter::check_platforms(output, request.platforms.size()));
  }
  return {};
}

/// --output, --load and --push; --tag and --platform are read.
Result<void> read_outputs(const BuildOptions& options, Request& request) {
  for (const std::string& output : options.outputs)
    request.outputs.push_back(TRY(exporter::parse_output(output)));
  if (options.load) request.outputs.push_back(exporter::DockerOutput{.to = exporter::ToEngine{}});
  if (options.push) request.outputs.push_back(exporter::ImageOutput{.names = {}, .push = true});
  return check_outputs(request);
}

}  // namespace

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
  // As buildx: who gives all RUNs the host's network doesn't keep it from one that asks for it.
  if (graph.network == graph::Network::kHost) graph.entitlements.insert("network.host");
  request.attestations = TRY(parse_attestations(options.attest, options.sbom, options.provenance));
  request.annotations = TRY(parse_annotations(options.annotations));
  TRY_VOID(read_platforms(options.platforms, request));
  TRY_VOID(read_contexts(options, request));
  request.ssh = TRY(parse_ssh(options.ssh));
  request.secrets = TRY(parse_secrets(options.secrets));
  for (const std::string& tag : options.tags) request.names.push_back(TRY(oci::Reference::parse(tag)));
  TRY_VOID(read_outputs(options, request));
  request.caches = TRY(parse_shared_caches(options.cache_to, options.cache_from));
  return request;
}

}  // namespace pgstrata::cli
