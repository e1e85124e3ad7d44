#include "attest/provenance.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/base64.h"
#include "oci/platform.h"

namespace pgstrata::attest {
namespace {

using Json = nlohmann::json;

/// The structure below is BuildKit's, and this is how its readers know it. Who built is in builder.id.
constexpr const char* kBuildType = "https://mobyproject.org/buildkit@v1";

Json material_json(const Material& material) {
  return {{"uri", material.uri}, {"digest", material.digest}};
}

Json mounts_json(const std::vector<NamedMount>& mounts) {
  Json list = Json::array();
  for (const NamedMount& mount : mounts) {
    Json json = {{"id", mount.id}};
    if (mount.optional) json["optional"] = true;
    list.push_back(std::move(json));
  }
  return list;
}

bool is_hidden_argument(const std::string& name) {
  return name.starts_with("build-arg:") || name.starts_with("label:");
}

/// False if something was left out.
bool add_args(const Provenance& provenance, Json& parameters) {
  bool complete = true;
  Json args = Json::object();
  for (const auto& [name, value] : provenance.args) {
    if (provenance.mode == ProvenanceMode::kMin && is_hidden_argument(name))
      complete = false;
    else
      args[name] = value;
  }
  if (!args.empty()) parameters["args"] = std::move(args);
  return complete;
}

std::string step_name(std::size_t index) { return fmt::format("step{}", index); }

/// As Go writes LLB's Op: the platform with capital letters.
Json op_json(const BuildStep& step) {
  Json json = {{"Op", Json::parse(step.op, nullptr, /*allow_exceptions=*/false)},
               {"constraints", Json::object()}};
  if (step.platform.empty()) return json;
  if (const auto platform = oci::Platform::parse(step.platform)) {
    json["platform"] = {{"OS", platform->os}, {"Architecture", platform->architecture}};
    if (!platform->variant.empty()) json["platform"]["Variant"] = platform->variant;
  }
  return json;
}

Json build_config(const Provenance& provenance) {
  Json steps = Json::array();
  for (std::size_t i = 0; i < provenance.steps.size(); ++i) {
    const BuildStep& step = provenance.steps[i];
    Json json = {{"id", step_name(i)}, {"op", op_json(step)}};
    for (const std::size_t input : step.inputs) json["inputs"].push_back(step_name(input) + ":0");
    steps.push_back(std::move(json));
  }
  // The last step of every LLB definition says which one is the result.
  if (provenance.result)
    steps.push_back({{"id", step_name(provenance.steps.size())},
                     {"op", {{"Op", Json::object()}}},
                     {"inputs", Json::array({step_name(*provenance.result) + ":0"})}});
  return {{"llbDefinition", std::move(steps)}};
}

Json source_json(const Provenance& provenance) {
  Json locations = Json::object();
  for (std::size_t i = 0; i < provenance.steps.size(); ++i) {
    const BuildStep& step = provenance.steps[i];
    if (step.first_line == 0) continue;
    Json range = Json::object();
    range["start"]["line"] = step.first_line;
    range["end"]["line"] = step.last_line;
    Json location = Json::object();
    location["ranges"].push_back(std::move(range));
    locations[step_name(i)]["locations"].push_back(std::move(location));
  }
  Json info = {{"filename", provenance.entry_point},
               {"language", "Dockerfile"},
               {"data", encode_base64(provenance.dockerfile)}};
  Json source = {{"locations", std::move(locations)}};
  source["infos"].push_back(std::move(info));
  return source;
}

Json layers_json(const Provenance& provenance) {
  Json layers = Json::object();
  for (std::size_t i = 0; i < provenance.steps.size(); ++i) {
    Json chain = Json::array();
    for (const oci::Descriptor& layer : provenance.steps[i].layers)
      chain.push_back(
          {{"mediaType", layer.media_type}, {"digest", layer.digest.str()}, {"size", layer.size}});
    if (!chain.empty()) layers[step_name(i) + ":0"] = Json::array({std::move(chain)});
  }
  return layers;
}

Json invocation_json(const Provenance& provenance, bool& parameters_complete) {
  Json source = Json::object();
  if (provenance.context) {
    source["uri"] = provenance.context->uri;
    if (!provenance.context->digest.empty()) source["digest"] = provenance.context->digest;
  }
  if (!provenance.entry_point.empty()) source["entryPoint"] = provenance.entry_point;
  Json parameters = {{"frontend", "dockerfile.v0"}};
  parameters_complete = add_args(provenance, parameters);
  if (provenance.mode == ProvenanceMode::kMax) {
    if (!provenance.secrets.empty()) parameters["secrets"] = mounts_json(provenance.secrets);
    if (!provenance.ssh.empty()) parameters["ssh"] = mounts_json(provenance.ssh);
  }
  for (const std::string& name : provenance.locals) {
    Json local = {{"name", name}};
    parameters["locals"].push_back(std::move(local));
  }
  return {{"configSource", std::move(source)},
          {"parameters", std::move(parameters)},
          {"environment", {{"platform", provenance.builder_platform}}}};
}

}  // namespace

std::string predicate_json(const Provenance& provenance) {
  bool parameters_complete = true;
  Json invocation = invocation_json(provenance, parameters_complete);
  Json metadata = {{"buildStartedOn", provenance.started},
                   {"buildFinishedOn", provenance.finished},
                   {"completeness",
                    {{"parameters", parameters_complete},
                     {"environment", true},
                     {"materials", provenance.materials_complete}}},
                   {"reproducible", provenance.reproducible}};
  if (!provenance.invocation_id.empty()) metadata["buildInvocationID"] = provenance.invocation_id;
  if (provenance.materials_complete && !provenance.network)
    metadata["https://mobyproject.org/buildkit@v1#hermetic"] = true;
  Json extension = Json::object();
  Json predicate = {{"builder", {{"id", provenance.builder_id}}},
                    {"buildType", kBuildType},
                    {"invocation", std::move(invocation)}};
  for (const Material& material : provenance.materials)
    predicate["materials"].push_back(material_json(material));
  if (provenance.mode == ProvenanceMode::kMax) {
    predicate["buildConfig"] = build_config(provenance);
    extension["source"] = source_json(provenance);
    if (Json layers = layers_json(provenance); !layers.empty()) extension["layers"] = std::move(layers);
  }
  metadata["https://mobyproject.org/buildkit@v1#metadata"] = std::move(extension);
  predicate["metadata"] = std::move(metadata);
  return predicate.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace pgstrata::attest
