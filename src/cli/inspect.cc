#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "attest/attestation.h"
#include "cli/image_verbs.h"
#include "cli/interrupts.h"
#include "cli/registries.h"
#include "cli/stored_image.h"
#include "image/platforms.h"
#include "registry/in_order.h"

namespace pgstrata::cli {
namespace {

using Json = nlohmann::ordered_json;

/// The "config" object of the configuration as it is stored: unknown fields included.
Result<Json> raw_config(const content::ContentStore& store, const StoredImage& stored) {
  const std::string text = TRY(store.read(stored.id()));
  const Json config = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return config.is_object() ? config.value("config", Json::object()) : Json::object();
}

/// Layers bottom first, each with the instruction that made it.
Json layers_of(const image::Image& image) {
  std::vector<std::string> created_by;
  for (const oci::History& step : image.config.history)
    if (!step.empty_layer) created_by.push_back(step.created_by);
  Json layers = Json::array();
  for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
    Json layer = {{"DiffID", image.config.diff_ids[i].str()}, {"Size", image.manifest.layers[i].size}};
    if (i < created_by.size()) layer["CreatedBy"] = created_by[i];
    layers.push_back(std::move(layer));
  }
  return layers;
}

/// All names of the image, whichever it was asked for by.
Result<Json> names_of(const content::ContentStore& store, const oci::Digest& id) {
  Json names = Json::array();
  for (const StoredImage& other : TRY(stored_images(store)))
    if (other.id() == id) names.push_back(other.names[0].familiar());
  return names;
}

/// The keys of `docker image inspect`, and Layers with what Docker doesn't say.
Result<Json> describe(const content::ContentStore& store, const std::string& name) {
  const StoredImage stored = TRY(find_image(store, name));
  const oci::ImageConfig& config = stored.image.config;
  const oci::Descriptor& manifest = stored.image.descriptor;
  Json diff_ids = Json::array();
  for (const oci::Digest& diff_id : config.diff_ids) diff_ids.push_back(diff_id.str());
  Json names = TRY(names_of(store, stored.id()));
  Json raw = TRY(raw_config(store, stored));
  Json result = {{"Id", stored.id().str()},
                 {"RepoTags", std::move(names)},
                 {"RepoDigests", Json::array()},
                 {"Created", config.created},
                 {"Author", config.author},
                 {"Config", std::move(raw)},
                 {"Architecture", config.platform.architecture}};
  if (!config.platform.variant.empty()) result["Variant"] = config.platform.variant;
  result["Os"] = config.platform.os;
  result["Size"] = stored.size();
  result["RootFS"] = {{"Type", "layers"}, {"Layers", std::move(diff_ids)}};
  result["Layers"] = layers_of(stored.image);
  result["Descriptor"] = {{"mediaType", std::string(oci::media_type::kManifest)},
                          {"digest", manifest.digest.str()},
                          {"size", manifest.size}};
  if (stored.named.media_type == oci::media_type::kIndex) {
    Json platforms = Json::array();
    for (const oci::Descriptor& one : TRY(image::manifests(store, stored.named)))
      if (one.platform) platforms.push_back(one.platform->str());
    result["Platforms"] = std::move(platforms);
  }
  Json attestations = Json::array();
  for (const attest::Stored& attestation : TRY(attest::list(store, manifest)))
    attestations.push_back({{"PredicateType", attestation.predicate_type},
                            {"Digest", attestation.blob.digest.str()},
                            {"Size", attestation.blob.size}});
  if (!attestations.empty()) result["Attestations"] = std::move(attestations);
  return result;
}

/// "sbom", "provenance", or a predicate type as it is.
std::string predicate_type(const std::string& word) {
  if (word == "sbom") return std::string(attest::predicate_type::kSpdx);
  if (word == "provenance") return std::string(attest::predicate_type::kProvenance);
  return word;
}

/// The whole in-toto statement.
Result<Json> statement(const content::ContentStore& store, const std::string& name,
                       const std::string& wanted) {
  const StoredImage stored = TRY(find_image(store, name));
  std::string others;
  for (const attest::Stored& attestation : TRY(attest::list(store, stored.image.descriptor))) {
    if (attestation.predicate_type == predicate_type(wanted)) {
      const std::string text = TRY(attest::read_statement(store, attestation));
      return Json::parse(text, nullptr, /*allow_exceptions=*/false);
    }
    others += (others.empty() ? "" : ", ") + attestation.predicate_type;
  }
  return fail({.kind = ErrorKind::kNotFound,
               .what = fmt::format("{} has no attestation {}", name, wanted),
               .why = others.empty() ? "" : "it has " + others,
               .next = "build it with --sbom=true or --provenance=true"});
}

/// What the registry has with this image as its subject. The store isn't asked.
Result<Json> referrers(const std::string& written, const std::string& artifact_type) {
  const oci::Reference name = TRY(oci::Reference::parse(written));
  Registries registries(remote::Proxies::from({}));
  std::vector<registry::Repository> places = TRY(registries.to_read(name));
  std::stop_source stop;
  const Interrupts interrupts(stop);
  oci::Digest subject;
  const auto ask = [&](registry::Repository& place) -> Result<std::vector<oci::Descriptor>> {
    // Not by the tag's digest alone: what a registry doesn't say is computed.
    subject = name.digest ? *name.digest : TRY(place.manifest(name.tag, stop.get_token())).digest;
    return place.referrers(subject, artifact_type, stop.get_token());
  };
  const auto note = [](std::string_view line) { fmt::print(stderr, "{}\n", line); };
  Json list = Json::array();
  for (const oci::Descriptor& one : TRY(registry::first_answer(places, note, ask))) {
    Json shown = {{"ArtifactType", one.artifact_type},
                  {"MediaType", one.media_type},
                  {"Digest", one.digest.str()},
                  {"Size", one.size}};
    if (!one.annotations.empty()) shown["Annotations"] = one.annotations;
    list.push_back(std::move(shown));
  }
  return Json{{"Name", name.familiar()}, {"Digest", subject.str()}, {"Referrers", std::move(list)}};
}

struct InspectOptions {
  std::vector<std::string> names;
  std::string attestation;
  bool referrers = false;
  std::string artifact_type;
};

Result<int> inspect(const GlobalOptions& global, const InspectOptions& options) {
  if (options.referrers) {
    Json all = Json::array();
    for (const std::string& name : options.names)
      all.push_back(TRY(referrers(name, options.artifact_type)));
    TRY_VOID(print(all.dump(4, ' ', false, Json::error_handler_t::replace) + "\n"));
    return 0;
  }
  const content::ContentStore store = TRY(content::ContentStore::open(global.root));
  if (!options.attestation.empty()) {
    for (const std::string& name : options.names) {
      const Json found = TRY(statement(store, name, options.attestation));
      TRY_VOID(print(found.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"));
    }
    return 0;
  }
  Json all = Json::array();
  for (const std::string& name : options.names) all.push_back(TRY(describe(store, name)));
  TRY_VOID(print(all.dump(4, ' ', false, Json::error_handler_t::replace) + "\n"));
  return 0;
}

}  // namespace

Command add_inspect(CLI::App& app, const GlobalOptions& global) {
  const auto options = std::make_shared<InspectOptions>();
  app.add_option("IMAGE", options->names, "name, ID or digest")->required();
  app.add_option("--attestation", options->attestation,
                 "provenance|sbom|PREDICATE-TYPE: print that attestation instead")
      ->allow_extra_args(false);
  auto* referrers =
      app.add_flag("--referrers", options->referrers,
                   "ask the image's registry for signatures, SBOMs and the like that refer to it")
          ->excludes("--attestation");
  app.add_option("--artifact-type", options->artifact_type, "only those referrers")->needs(referrers);
  return [options, &global] { return inspect(global, *options); };
}

}  // namespace pgstrata::cli
