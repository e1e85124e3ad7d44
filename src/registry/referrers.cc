// What refers to a manifest by its `subject`: signatures, SBOMs and the like (distribution-spec 1.1,
// "Listing Referrers", "Pushing Manifests with Subject", "Referrers Tag Schema").
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "registry/repository.h"

namespace pgstrata::registry {
namespace {

using Json = nlohmann::json;

/// Of the registry's list, which may come in several parts.
constexpr int kMostParts = 64;

/// Where a registry without a list of its own has it.
std::string tag_of(const oci::Digest& subject) { return "sha256-" + subject.hex(); }

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// In a query string (RFC 3986, 2.3): of a media type only the slash and the plus need it.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          c == '-' || c == '.' || c == '_' || c == '~';
    result += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

/// The path of `</v2/…>; rel="next"`, "" if there is none. Only of this registry: nobody else has its list.
std::string next_part(const std::string& link, const Registry& registry) {
  const std::size_t begin = link.find('<');
  const std::size_t end = link.find('>');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return "";
  if (link.find("rel=\"next\"", end) == std::string::npos) return "";
  std::string target = link.substr(begin + 1, end - begin - 1);
  if (target.starts_with(registry.base() + "/")) target.erase(0, registry.base().size());
  return target.starts_with("/v2/") ? target : "";
}

bool is_applied(const remote::HttpResponse& response) {
  return response.header("oci-filters-applied").find("artifactType") != std::string::npos;
}

}  // namespace

Result<std::optional<Referrer>> referrer_of(std::string_view media_type, const std::string& manifest) {
  if (manifest.find("\"subject\"") == std::string::npos) return std::nullopt;
  const Json json = Json::parse(manifest, nullptr, /*allow_exceptions=*/false);
  const auto subject = json.is_object() ? json.find("subject") : json.end();
  if (subject == json.end()) return std::nullopt;
  Referrer referrer;
  if (!subject->is_object())
    return fail({.kind = ErrorKind::kCorrupt, .what = "the subject of a manifest isn't a descriptor"});
  referrer.subject = TRY(oci::Digest::parse(text_of(*subject, "digest")));
  referrer.descriptor = {.media_type = std::string(media_type),
                         .digest = oci::sha256(manifest),
                         .size = manifest.size(),
                         .annotations = {},
                         .platform = {}};
  referrer.descriptor.artifact_type = text_of(json, "artifactType");
  if (const auto config = json.find("config");
      referrer.descriptor.artifact_type.empty() && config != json.end() && config->is_object())
    referrer.descriptor.artifact_type = text_of(*config, "mediaType");
  if (const auto annotations = json.find("annotations");
      annotations != json.end() && annotations->is_object())
    for (const auto& [name, value] : annotations->items())
      if (value.is_string()) referrer.descriptor.annotations[name] = value.get<std::string>();
  return referrer;
}

Result<std::vector<oci::Descriptor>> Repository::referrers(const oci::Digest& subject,
                                                           const std::string& artifact_type,
                                                           const std::stop_token& stop) {
  const auto is_other = [&](const oci::Descriptor& one) { return one.artifact_type != artifact_type; };
  const std::string where = fmt::format("{}/{}@{}", registry_.domain(), name_, subject.str());
  std::vector<oci::Descriptor> all;
  std::string url = path("referrers/" + subject.str());
  if (!artifact_type.empty()) url += "?artifactType=" + escaped(artifact_type);
  for (int part = 0; !url.empty(); ++part) {
    std::string text;
    const Receiver receive = [&](const remote::HttpResponse&,
                                 std::span<const std::byte> bytes) -> Result<void> {
      text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      if (text.size() <= kLargestManifest && part < kMostParts) return {};
      return fail({.kind = ErrorKind::kCorrupt,
                   .what = "the registry's list of referrers is too long",
                   .where = where,
                   .why = fmt::format("more than {} bytes in a part, or more than {} parts",
                                      kLargestManifest, kMostParts)});
    };
    const Answer answer = TRY(registry_.send({.url = url,
                                              .headers = {{"Accept", std::string(oci::media_type::kIndex)}},
                                              .body = {},
                                              .scope = pull_scope()},
                                             receive, stop));
    if (answer.response.status == 404 && part == 0) {
      all = TRY(tagged_referrers(subject, stop));
      if (!artifact_type.empty()) std::erase_if(all, is_other);
      return all;
    }
    if (answer.response.status != 200)
      return fail(registry_.refusal("can't list what refers to " + where, answer));
    auto index = oci::ImageIndex::from_json(text);
    if (!index) {
      index.error().where = where;
      return fail(std::move(index).error());
    }
    if (!artifact_type.empty() && !is_applied(answer.response)) std::erase_if(index->manifests, is_other);
    all.insert(all.end(), index->manifests.begin(), index->manifests.end());
    url = next_part(answer.response.header("link"), registry_);
  }
  return all;
}

Result<std::vector<oci::Descriptor>> Repository::tagged_referrers(const oci::Digest& subject,
                                                                  const std::stop_token& stop) {
  const auto tagged = manifest(tag_of(subject), stop);
  if (!tagged && tagged.error().kind == ErrorKind::kNotFound) return std::vector<oci::Descriptor>();
  if (!tagged) return fail(tagged.error());
  return TRY(oci::ImageIndex::from_json(tagged->bytes)).manifests;
}

Result<void> Repository::add_tagged_referrer(const Referrer& referrer, const std::stop_token& stop) {
  oci::ImageIndex index{.manifests = TRY(tagged_referrers(referrer.subject, stop)), .annotations = {}};
  const auto is_it = [&](const oci::Descriptor& one) { return one.digest == referrer.descriptor.digest; };
  if (std::any_of(index.manifests.begin(), index.manifests.end(), is_it)) return {};
  index.manifests.push_back(referrer.descriptor);
  return put_manifest(tag_of(referrer.subject), oci::media_type::kIndex, index.to_json(), stop);
}

}  // namespace pgstrata::registry
