#include "cli/provenance.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "attest/purl.h"
#include "cli/llb_steps.h"
#include "importer/layout_image.h"
#include "importer/registry_image.h"
#include "remote/source.h"

namespace pgstrata::cli {
namespace {

std::optional<oci::Digest> digest_annotation(const image::Image& image, const char* name) {
  const auto found = image.descriptor.annotations.find(name);
  if (found == image.descriptor.annotations.end()) return std::nullopt;
  const auto digest = oci::Digest::parse(found->second);
  return digest ? std::optional(*digest) : std::nullopt;
}

std::string label(const image::Image& image, const char* name) {
  const auto found = image.config.config.labels.find(name);
  return found == image.config.config.labels.end() ? "" : found->second;
}

/// Made here by mmdebstrap, and nothing built on it since.
bool is_bootstrap(const image::Image& image) {
  return !label(image, solver::kBootstrapLabel).empty() && image.config.history.size() == 1 &&
         image.config.history[0].created_by.starts_with("pgstrata bootstrap ");
}

attest::Material sha256_material(std::string uri, const oci::Digest& digest) {
  return {.uri = std::move(uri), .digest = {{"sha256", digest.hex()}}};
}

/// A base image as others can find it, if they can.
struct Origin {
  attest::Material material;
  bool is_published = false;  ///< the digest is that of a registry or a layout
  std::string reference;      ///< for LLB's identifier
};

/// No registry has these bytes under that name: it is said what they were made from instead.
Origin bootstrapped(const oci::Reference& name, const image::Image& image, const std::string& platform) {
  attest::PackageUrl url{.type = "generic",
                         .name_space = "pgstrata-bootstrap",
                         .name = name.path.substr(name.path.rfind('/') + 1),
                         .version = name.tag,
                         .qualifiers = {{"platform", platform},
                                        {"release", label(image, solver::kBootstrapLabel)},
                                        {"release-date", label(image, "pgstrata.bootstrap.date")}}};
  return {.material = sha256_material(url.str(), image.descriptor.digest),
          .is_published = false,
          .reference = name.str()};
}

Result<Origin> origin_of(const BuiltParts& parts, const graph::SourceOp& source) {
  const solver::Base* base = TRY(parts.bases.resolve(source.reference, source.platform));
  const image::Image& image = base->image;
  std::string name = source.reference;
  constexpr std::string_view kImage = "docker-image://";
  const auto context = parts.image_contexts.find(name);
  if (context != parts.image_contexts.end() && context->second.starts_with(kImage)) {
    name = context->second.substr(kImage.size());
  } else if (context != parts.image_contexts.end()) {
    const auto digest = digest_annotation(image, importer::kLayoutDigest);
    const oci::Digest named = digest.value_or(image.descriptor.digest);
    attest::PackageUrl url{.type = "oci",
                           .name_space = "",
                           .name = name,
                           .version = named.str(),
                           .qualifiers = {{"platform", source.platform.str()}}};
    return Origin{.material = sha256_material(url.str(), named),
                  .is_published = digest.has_value(),
                  .reference = name};
  }
  const oci::Reference reference = TRY(oci::Reference::parse(name));
  const auto published = digest_annotation(image, importer::kRegistryDigest);
  if (!published && is_bootstrap(image)) return bootstrapped(reference, image, source.platform.str());
  const auto pinned = published ? published : reference.digest;
  const oci::Digest digest = pinned.value_or(image.descriptor.digest);
  oci::Reference exact = reference;
  if (pinned) exact.digest = pinned;
  return Origin{.material = sha256_material(attest::image_purl(reference, pinned, source.platform), digest),
                .is_published = pinned.has_value(),
                .reference = exact.str()};
}

attest::Material material_of(const RemoteInput& input) {
  return {.uri = input.uri, .digest = {{input.pin.algorithm, input.pin.hex}}};
}

class Collecting {
 public:
  Collecting(const BuiltParts& parts, attest::Provenance& provenance)
      : parts_(parts), provenance_(provenance) {}

  Result<void> run() {
    provenance_.materials_complete = true;
    for (const graph::Vertex& vertex : parts_.graph.vertices) TRY_VOID(add(vertex));
    TRY_VOID(add_contexts());
    auto& materials = provenance_.materials;
    std::sort(materials.begin(), materials.end(), [](const auto& a, const auto& b) {
      return std::tie(a.uri, a.digest) < std::tie(b.uri, b.digest);
    });
    materials.erase(std::unique(materials.begin(), materials.end()), materials.end());
    // As BuildKit has it: nobody can tell what a directory of this machine held.
    if (!provenance_.locals.empty()) provenance_.materials_complete = false;
    for (const auto& [id, optional] : secrets_) provenance_.secrets.push_back({id, optional});
    for (const auto& [id, optional] : ssh_) provenance_.ssh.push_back({id, optional});
    return {};
  }

  [[nodiscard]] const std::map<std::string, std::string>& references() const { return references_; }

 private:
  Result<void> add(const graph::Vertex& vertex) {
    if (const auto* source = std::get_if<graph::SourceOp>(&vertex.op)) {
      Origin origin = TRY(origin_of(parts_, *source));
      provenance_.materials.push_back(std::move(origin.material));
      provenance_.materials_complete &= origin.is_published;
      references_[source->reference] = std::move(origin.reference);
    }
    if (const auto* exec = std::get_if<graph::ExecOp>(&vertex.op)) {
      provenance_.network |= exec->network != graph::Network::kNone;
      for (const graph::ExecMount& mount : exec->mounts) add(mount);
    }
    const auto* file = std::get_if<graph::FileOp>(&vertex.op);
    const auto* copy = file == nullptr ? nullptr : std::get_if<graph::CopyAction>(&file->action);
    if (copy == nullptr) return {};
    for (const graph::RemoteFiles& files : copy->remotes) {
      remote::Pin pin = TRY(parts_.fetcher.pin(files.source, {}));
      provenance_.materials.push_back(
          material_of({.uri = remote::uri(files.source), .pin = std::move(pin)}));
    }
    return {};
  }

  /// Asked for by several steps it is optional only if it is so for all of them.
  static void note(std::map<std::string, bool>& mounts, const std::string& id, bool required) {
    const auto found = mounts.try_emplace(id, true).first;
    found->second &= !required;
  }
  void add(const graph::ExecMount& mount) {
    if (const auto* secret = std::get_if<graph::SecretMount>(&mount))
      note(secrets_, secret->id, secret->required);
    if (const auto* ssh = std::get_if<graph::SshMount>(&mount))
      note(ssh_, ssh->id.empty() ? "default" : ssh->id, ssh->required);
  }

  /// BuildKit's names: "context", "dockerfile", and those of --build-context.
  Result<void> add_contexts() {
    const ContextRequest& request = parts_.context_request;
    const RemoteInputs remote = TRY(remote_inputs(request, parts_.fetcher));
    std::set<std::string> locals;
    if (remote.context) {
      provenance_.context = material_of(*remote.context);
      provenance_.materials.push_back(*provenance_.context);
    } else {
      locals.insert("context");
    }
    const bool in_context = remote.context && request.file != "-" && !request.file.starts_with('/');
    if (remote.dockerfile)
      provenance_.materials.push_back(material_of(*remote.dockerfile));
    else if (!in_context)
      locals.insert("dockerfile");
    for (const auto& [name, input] : remote.named) provenance_.materials.push_back(material_of(input));
    for (const auto& [name, place] : request.named)
      if (!remote.named.contains(name)) locals.insert(name);
    provenance_.locals.assign(locals.begin(), locals.end());
    return {};
  }

  const BuiltParts& parts_;
  attest::Provenance& provenance_;
  std::map<std::string, bool> secrets_;  ///< id → optional
  std::map<std::string, bool> ssh_;
  std::map<std::string, std::string> references_;
};

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ","));
}

/// The command line as BuildKit's frontend is told it (frontend/dockerui/config.go).
std::map<std::string, std::string> frontend_args(const BuiltParts& parts) {
  const graph::BuildRequest& request = parts.request;
  std::map<std::string, std::string> args;
  for (const auto& [name, value] : request.build_args)
    args["build-arg:" + name] = remote::without_credentials(value);
  for (const auto& [name, value] : request.labels) args["label:" + name] = value;
  if (!request.target.empty()) args["target"] = request.target;
  if (request.no_cache)
    args["no-cache"] = "";
  else if (!request.no_cache_filter.empty())
    args["no-cache"] = joined(request.no_cache_filter);
  for (const auto& [name, image] : parts.image_contexts)
    args["context:" + name] = image.starts_with("oci-layout://") ? "oci-layout://" + name : image;
  for (const std::string& name : request.empty_contexts) args["context:" + name] = "docker-image://scratch";
  for (const auto& [name, place] : parts.context_request.named) {
    const auto* source = std::get_if<remote::Source>(&place);
    args["context:" + name] = source == nullptr ? "local:" + name : remote::uri(*source);
  }
  std::vector<std::string> hosts;
  for (const graph::ExtraHost& host : request.limits.hosts) hosts.push_back(host.name + "=" + host.address);
  if (!hosts.empty()) args["add-hosts"] = joined(hosts);
  std::vector<std::string> ulimits;
  for (const graph::Ulimit& limit : request.limits.ulimits)
    ulimits.push_back(fmt::format("{}={}:{}", limit.name, limit.soft, limit.hard));
  if (!ulimits.empty()) args["ulimit"] = joined(ulimits);
  if (request.limits.shm_size != 0) args["shm-size"] = fmt::format("{}", request.limits.shm_size);
  if (request.network != graph::Network::kDefault)
    args["force-network-mode"] = request.network == graph::Network::kHost ? "host" : "none";
  return args;
}

/// The Dockerfile's name: of a directory of this machine no more than the last component.
std::string entry_point(const BuiltParts& parts) {
  const std::string& name = parts.contexts.dockerfile_name;
  const bool is_local =
      std::holds_alternative<Directory>(parts.context_request.place) || name.starts_with('/');
  return is_local ? name.substr(name.rfind('/') + 1) : name;
}

}  // namespace

Result<attest::Provenance> provenance_of(const BuiltParts& parts, const ProvenanceRequest& request) {
  attest::Provenance provenance{
      .mode = request.mode,
      .builder_id = request.builder_id,
      .reproducible = request.reproducible,
      .entry_point = entry_point(parts),
      .args = frontend_args(parts),
      .builder_platform = oci::Platform::host().str(),
      .started = oci::format_time(parts.epoch ? *parts.epoch * 1'000'000'000 : parts.began),
      .finished = oci::format_time(parts.epoch ? *parts.epoch * 1'000'000'000 : parts.ended)};
  if (provenance.builder_id.empty())
    provenance.builder_id = attest::PackageUrl{
        .type = "generic",
        .name_space = "",
        .name = "pgstrata",
        .version = parts.version,
        .qualifiers = {}}.str();
  // With an epoch two builds of the same give the same to the byte.
  if (!parts.epoch) provenance.invocation_id = parts.build_id;
  Collecting collecting(parts, provenance);
  TRY_VOID(collecting.run());
  if (request.mode == attest::ProvenanceMode::kMax) {
    provenance.dockerfile = parts.contexts.dockerfile;
    LlbSteps written = llb_steps(parts.graph, parts.results, collecting.references());
    provenance.steps = std::move(written.steps);
    provenance.result = written.result;
  }
  return provenance;
}

}  // namespace pgstrata::cli
