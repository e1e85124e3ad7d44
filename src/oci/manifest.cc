#include "oci/manifest.h"

#include "oci/json_fields.h"

namespace pgstrata::oci {
namespace {

Result<std::map<std::string, std::string>> annotations_from(std::string_view document, Fields& fields) {
  std::map<std::string, std::string> annotations;
  if (const Json* object = fields.find("annotations", Json::value_t::object))
    for (const auto& [name, value] : object->items()) {
      if (!value.is_string()) return fail(bad_json(document, "the annotation " + name + " isn't a string"));
      annotations[name] = value.get<std::string>();
    }
  return annotations;
}

Result<Descriptor> descriptor_from(std::string_view document, const Json& json) {
  Descriptor descriptor;
  std::int64_t size = -1;
  Fields fields(document, json);
  fields.text("mediaType", descriptor.media_type).digest("digest", descriptor.digest).number("size", size);
  fields.text("artifactType", descriptor.artifact_type);
  if (const Json* object = fields.find("platform", Json::value_t::object)) {
    Platform& platform = descriptor.platform.emplace();
    TRY_VOID(Fields(document, *object)
                 .text("os", platform.os)
                 .text("architecture", platform.architecture)
                 .text("variant", platform.variant)
                 .done());
  }
  descriptor.annotations = TRY(annotations_from(document, fields));
  TRY_VOID(fields.done());
  if (descriptor.digest.is_none()) return fail(bad_json(document, "a descriptor has no digest"));
  if (size < 0) return fail(bad_json(document, "a descriptor has no size"));
  descriptor.size = static_cast<std::uint64_t>(size);
  return descriptor;
}

Result<std::vector<Descriptor>> descriptors_from(std::string_view document, const Json* list) {
  std::vector<Descriptor> descriptors;
  if (list != nullptr)
    for (const Json& item : *list) descriptors.push_back(TRY(descriptor_from(document, item)));
  return descriptors;
}

Json descriptor_json(const Descriptor& descriptor) {
  Json json = {
      {"mediaType", descriptor.media_type}, {"digest", descriptor.digest.str()}, {"size", descriptor.size}};
  if (!descriptor.artifact_type.empty()) json["artifactType"] = descriptor.artifact_type;
  if (!descriptor.annotations.empty()) json["annotations"] = descriptor.annotations;
  if (descriptor.platform) {
    const Platform& platform = *descriptor.platform;
    json["platform"] = {{"os", platform.os}, {"architecture", platform.architecture}};
    if (!platform.variant.empty()) json["platform"]["variant"] = platform.variant;
  }
  return json;
}

Json descriptors_json(const std::vector<Descriptor>& descriptors) {
  Json list = Json::array();
  for (const Descriptor& descriptor : descriptors) list.push_back(descriptor_json(descriptor));
  return list;
}

}  // namespace

Result<ImageManifest> ImageManifest::from_json(std::string_view text) {
  constexpr std::string_view kDocument = "image manifest";
  const Json json = TRY(parse_object(kDocument, text));
  Fields fields(kDocument, json);
  const Json* config = fields.find("config", Json::value_t::object);
  if (config == nullptr) return fail(bad_json(kDocument, "it has no config"));
  ImageManifest manifest;
  manifest.config = TRY(descriptor_from(kDocument, *config));
  manifest.layers = TRY(descriptors_from(kDocument, fields.find("layers", Json::value_t::array)));
  manifest.annotations = TRY(annotations_from(kDocument, fields));
  TRY_VOID(fields.done());
  return manifest;
}

std::string ImageManifest::to_json() const {
  Json json = {{"schemaVersion", 2},
               {"mediaType", media_type::kManifest},
               {"config", descriptor_json(config)},
               {"layers", descriptors_json(layers)}};
  if (!annotations.empty()) json["annotations"] = annotations;
  return json.dump();
}

Result<ImageIndex> ImageIndex::from_json(std::string_view text) {
  constexpr std::string_view kDocument = "image index";
  const Json json = TRY(parse_object(kDocument, text));
  Fields fields(kDocument, json);
  ImageIndex index;
  index.manifests = TRY(descriptors_from(kDocument, fields.find("manifests", Json::value_t::array)));
  index.annotations = TRY(annotations_from(kDocument, fields));
  TRY_VOID(fields.done());
  return index;
}

std::string ImageIndex::to_json() const {
  Json json = {
      {"schemaVersion", 2}, {"mediaType", media_type::kIndex}, {"manifests", descriptors_json(manifests)}};
  if (!annotations.empty()) json["annotations"] = annotations;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace pgstrata::oci
