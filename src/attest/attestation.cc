#include "attest/attestation.h"

#include <fmt/format.h>

#include "attest/purl.h"
#include "oci/json_fields.h"

namespace pgstrata::attest {
namespace {

using oci::Json;

constexpr const char* kStatementType = "https://in-toto.io/Statement/v0.1";
constexpr const char* kInTotoMediaType = "application/vnd.in-toto+json";
constexpr const char* kPredicateType = "in-toto.io/predicate-type";

oci::Descriptor descriptor_of(std::string_view media_type, std::string_view bytes) {
  return {.media_type = std::string(media_type),
          .digest = oci::sha256(bytes),
          .size = bytes.size(),
          .annotations = {},
          .platform = std::nullopt};
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json subjects_of(const oci::Descriptor& image, const std::vector<oci::Reference>& names) {
  const Json digest = {{"sha256", image.digest.hex()}};
  Json subjects = Json::array();
  for (oci::Reference name : names) {
    name.digest.reset();
    subjects.push_back({{"name", image_purl(name, std::nullopt, image.platform)}, {"digest", digest}});
  }
  if (subjects.empty()) subjects.push_back({{"name", "_"}, {"digest", digest}});
  return subjects;
}

std::optional<oci::Digest> attestation_manifest(const oci::Descriptor& image) {
  const auto named = image.annotations.find(kStored);
  if (named == image.annotations.end()) return std::nullopt;
  const auto digest = oci::Digest::parse(named->second);
  return digest ? std::optional(*digest) : std::nullopt;
}

Result<oci::ImageManifest> read_manifest(const content::ContentStore& content, const oci::Digest& digest) {
  const std::string text = TRY(content.read(digest));
  return oci::ImageManifest::from_json(text);
}

}  // namespace

Result<Attached> attach(const std::vector<Predicate>& predicates, const oci::Descriptor& image,
                        const std::vector<oci::Reference>& names) {
  const Json subjects = subjects_of(image, names);
  Attached attached;
  oci::ImageManifest manifest;
  Json diff_ids = Json::array();
  for (const Predicate& predicate : predicates) {
    const Json content = TRY(oci::parse_object("attestation", predicate.json));
    std::string statement = dump({{"_type", kStatementType},
                                  {"predicateType", predicate.type},
                                  {"subject", subjects},
                                  {"predicate", content}});
    oci::Descriptor layer = descriptor_of(kInTotoMediaType, statement);
    layer.annotations[kPredicateType] = predicate.type;
    diff_ids.push_back(layer.digest.str());
    attached.blobs.emplace_back(layer.digest, std::move(statement));
    manifest.layers.push_back(std::move(layer));
  }
  std::string config = dump({{"architecture", "unknown"},
                             {"os", "unknown"},
                             {"config", Json::object()},
                             {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}});
  manifest.config = descriptor_of(oci::media_type::kConfig, config);
  attached.blobs.emplace_back(manifest.config.digest, std::move(config));
  attached.manifest_json = manifest.to_json();
  attached.manifest = descriptor_of(oci::media_type::kManifest, attached.manifest_json);
  attached.manifest.platform = oci::Platform{"unknown", "unknown", ""};
  attached.manifest.annotations = {{"vnd.docker.reference.type", "attestation-manifest"},
                                   {"vnd.docker.reference.digest", image.digest.str()}};
  return attached;
}

Index index_of(std::vector<oci::Descriptor> images, const std::vector<Attached>& attached) {
  oci::ImageIndex index;
  index.manifests = std::move(images);
  for (oci::Descriptor& image : index.manifests) image.annotations.clear();
  for (const Attached& one : attached) index.manifests.push_back(one.manifest);
  std::string json = index.to_json();
  oci::Descriptor descriptor = descriptor_of(oci::media_type::kIndex, json);
  return {.json = std::move(json), .descriptor = std::move(descriptor)};
}

Result<oci::Descriptor> store(const content::ContentStore& content,
                              const std::vector<Predicate>& predicates, oci::Descriptor image) {
  image.annotations.erase(kStored);
  if (predicates.empty()) return image;
  const Attached attached = TRY(attach(predicates, image, {}));
  for (const auto& [digest, bytes] : attached.blobs) TRY(content.put(bytes));
  const oci::Digest manifest = TRY(content.put(attached.manifest_json));
  image.annotations[kStored] = manifest.str();
  return image;
}

Result<std::vector<Stored>> list(const content::ContentStore& content, const oci::Descriptor& image) {
  std::vector<Stored> attestations;
  const auto digest = attestation_manifest(image);
  if (!digest) return attestations;
  const oci::ImageManifest manifest = TRY(read_manifest(content, *digest));
  for (const oci::Descriptor& layer : manifest.layers) {
    const auto type = layer.annotations.find(kPredicateType);
    if (layer.media_type == kInTotoMediaType && type != layer.annotations.end())
      attestations.push_back({.predicate_type = type->second, .blob = layer});
  }
  return attestations;
}

Result<std::string> read_statement(const content::ContentStore& content, const Stored& attestation) {
  return content.read(attestation.blob.digest);
}

Result<std::vector<Predicate>> predicates(const content::ContentStore& content,
                                          const oci::Descriptor& image) {
  std::vector<Predicate> result;
  for (const Stored& stored : TRY(list(content, image))) {
    const std::string text = TRY(read_statement(content, stored));
    const Json statement = TRY(oci::parse_object("attestation", text));
    oci::Fields fields("attestation", statement);
    const Json* predicate = fields.find("predicate", Json::value_t::object);
    TRY_VOID(fields.done());
    if (predicate == nullptr) return fail(oci::bad_json("attestation", "it has no predicate"));
    result.push_back({.type = stored.predicate_type, .json = dump(*predicate)});
  }
  return result;
}

std::vector<oci::Digest> blobs(const content::ContentStore& content, const oci::Descriptor& image) {
  std::vector<oci::Digest> result;
  const auto digest = attestation_manifest(image);
  if (!digest) return result;
  result.push_back(*digest);
  const auto manifest = read_manifest(content, *digest);
  if (!manifest) return result;
  result.push_back(manifest->config.digest);
  for (const oci::Descriptor& layer : manifest->layers) result.push_back(layer.digest);
  return result;
}

}  // namespace pgstrata::attest
