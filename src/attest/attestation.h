// Attestations as BuildKit attaches them to images (docs/attestations.md; BuildKit's page is
// attestation-storage.md in its documentation of attestations): in-toto
// statements are the layers of a manifest of their own, which stands beside the image's manifest in an
// index.
//
//   index        manifests: [ the image's for each platform, then for each that has some the attestation
//                  manifest's with platform unknown/unknown and the annotations
//                  vnd.docker.reference.type: attestation-manifest
//                  vnd.docker.reference.digest: DIGEST of the image's manifest ]
//   manifest     config: {"architecture":"unknown","os":"unknown","config":{},"rootfs":…}
//                layers: application/vnd.in-toto+json, annotation in-toto.io/predicate-type
//   layer        {"_type": "https://in-toto.io/Statement/v0.1", "subject": …, "predicateType": …,
//                 "predicate": …}
//
// A statement's subject is the digest of a manifest, and the same image has another manifest where its
// layers are compressed otherwise. So what is kept and passed on is the predicate, and statements are made
// for each place that an image goes to.
//
// In the store a tag leads to the image's manifest as always, and its descriptor names the attestation
// manifest of the store by the annotation org.pgstrata.attestations.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "content/content_store.h"
#include "core/result.h"
#include "oci/manifest.h"
#include "oci/reference.h"

namespace pgstrata::attest {

/// Annotation of a tag's descriptor in the store: digest of the image's attestation manifest.
inline constexpr const char* kStored = "org.pgstrata.attestations";

namespace predicate_type {
inline constexpr std::string_view kProvenance = "https://slsa.dev/provenance/v0.2";
inline constexpr std::string_view kSpdx = "https://spdx.dev/Document";
}  // namespace predicate_type

struct Predicate {
  std::string type;  ///< predicate_type::
  std::string json;  ///< an object
  bool operator==(const Predicate&) const = default;
};

/// Everything that makes the attestations of one image manifest.
struct Attached {
  oci::Descriptor manifest;                                ///< as it stands in the index
  std::vector<std::pair<oci::Digest, std::string>> blobs;  ///< statements, then the configuration
  std::string manifest_json;
};

/// `image` is the descriptor of the image's manifest as it is where it goes to; `names` become the
/// subjects, as pkg:docker/… with the image's platform, and "_" stands for none. kCorrupt: a predicate that
/// isn't JSON.
Result<Attached> attach(const std::vector<Predicate>& predicates, const oci::Descriptor& image,
                        const std::vector<oci::Reference>& names);

/// The index of images, one for each platform, and of their attestations, in BuildKit's order.
struct Index {
  std::string json;
  oci::Descriptor descriptor;
};
[[nodiscard]] Index index_of(std::vector<oci::Descriptor> images, const std::vector<Attached>& attached);

/// Puts them into the store for the image that lies there; the image's descriptor with the annotation that
/// leads to them. Without predicates the descriptor as it was, and without such an annotation.
Result<oci::Descriptor> store(const content::ContentStore& content,
                              const std::vector<Predicate>& predicates, oci::Descriptor image);

/// One attestation of the store.
struct Stored {
  std::string predicate_type;
  oci::Descriptor blob;
};
/// Of the image that `image` is the tag's descriptor of; nothing if it has none. kCorrupt, kNotFound: they
/// aren't whole.
Result<std::vector<Stored>> list(const content::ContentStore& content, const oci::Descriptor& image);
/// The statement, as it is stored.
Result<std::string> read_statement(const content::ContentStore& content, const Stored& attestation);
/// All of an image's, to be attached where it goes to.
Result<std::vector<Predicate>> predicates(const content::ContentStore& content,
                                          const oci::Descriptor& image);
/// What of the store must stay for them: the manifest, and as far as that can be read what it leads to.
[[nodiscard]] std::vector<oci::Digest> blobs(const content::ContentStore& content,
                                             const oci::Descriptor& image);

}  // namespace pgstrata::attest
