// Against BuildKit's attestation-storage.md.
#include "attest/attestation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace pgstrata::attest {
namespace {

using Json = nlohmann::json;

oci::Descriptor image() {
  return {.media_type = std::string(oci::media_type::kManifest),
          .digest = oci::sha256("manifest"),
          .size = 8,
          .annotations = {{"of.the.tag", "x"}},
          .platform = oci::Platform{"linux", "amd64", ""}};
}

const std::vector<Predicate> kPredicates = {{.type = "https://spdx.dev/Document", .json = R"({"a":1})"},
                                            {.type = "https://slsa.dev/provenance/v0.2", .json = "{}"}};

TEST(Attestation, IndexManifestAndStatementsAreAsDocumented) {
  const Attached attached =
      attach(kPredicates, image(), {oci::Reference::parse("example.org/app:1").value()}).value();
  const std::string digest = oci::sha256("manifest").str();
  const Index made = index_of({image()}, {attached});
  const Json index = Json::parse(made.json);
  ASSERT_EQ(index.at("manifests").size(), 2U);
  EXPECT_EQ(index.at("manifests").at(0).at("digest"), digest);
  EXPECT_FALSE(index.at("manifests").at(0).contains("annotations"));
  EXPECT_EQ(index.at("manifests").at(1).at("platform"),
            (Json{{"os", "unknown"}, {"architecture", "unknown"}}));
  EXPECT_EQ(index.at("manifests").at(1).at("annotations"),
            (Json{{"vnd.docker.reference.type", "attestation-manifest"},
                  {"vnd.docker.reference.digest", digest}}));
  EXPECT_EQ(made.descriptor.digest, oci::sha256(made.json));
  EXPECT_EQ(attached.manifest.digest, oci::sha256(attached.manifest_json));

  const Json manifest = Json::parse(attached.manifest_json);
  ASSERT_EQ(attached.blobs.size(), 3U);
  const Json config = Json::parse(attached.blobs[2].second);
  EXPECT_EQ(config.at("os"), "unknown");
  for (std::size_t i = 0; i < 2; ++i) {
    const Json& layer = manifest.at("layers").at(i);
    EXPECT_EQ(layer.at("mediaType"), "application/vnd.in-toto+json");
    EXPECT_EQ(layer.at("annotations").at("in-toto.io/predicate-type"), kPredicates[i].type);
    EXPECT_EQ(layer.at("digest"), oci::sha256(attached.blobs[i].second).str());
    EXPECT_EQ(config.at("rootfs").at("diff_ids").at(i), layer.at("digest"));
  }
  EXPECT_EQ(Json::parse(attached.blobs[0].second), Json::parse(R"({
      "_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document",
      "subject": [{"name": "pkg:docker/example.org/app@1?platform=linux%2Famd64",
                   "digest": {"sha256": ")" + oci::sha256("manifest").hex() +
                                                               R"("}}],
      "predicate": {"a": 1}})"));
}

TEST(Attestation, AllImagesOfAnIndexComeBeforeTheFirstAttestation) {
  const Attached attached = attach(kPredicates, image(), {}).value();
  oci::Descriptor other = image();
  other.platform = oci::Platform{"linux", "arm64", ""};
  const Json index = Json::parse(index_of({image(), other}, {attached, attached}).json);
  std::vector<std::string> architectures;
  for (const Json& manifest : index.at("manifests"))
    architectures.push_back(manifest.at("platform").at("architecture"));
  EXPECT_EQ(architectures, (std::vector<std::string>{"amd64", "arm64", "unknown", "unknown"}));
}

TEST(Attestation, AnImageWithoutANameIsUnderscore) {
  const Attached attached = attach(kPredicates, image(), {}).value();
  EXPECT_EQ(Json::parse(attached.blobs[0].second).at("subject").at(0).at("name"), "_");
}

class StoredAttestations : public testing::Test {
 protected:
  StoredAttestations() {
    std::string name = testing::TempDir() + "attest.XXXXXX";
    store_.emplace(content::ContentStore::open(::mkdtemp(name.data())).value());
  }
  std::optional<content::ContentStore> store_;
};

TEST_F(StoredAttestations, ComeBackAsTheyWerePutIn) {
  const oci::Descriptor kept = store(*store_, kPredicates, image()).value();
  EXPECT_EQ(kept.annotations.at("of.the.tag"), "x");
  EXPECT_EQ(predicates(*store_, kept).value(), kPredicates);
  for (const oci::Digest& blob : blobs(*store_, kept)) EXPECT_TRUE(store_->has(blob));
  EXPECT_EQ(blobs(*store_, kept).size(), 4U);
  // Without them the descriptor leads to none, also if it did before.
  EXPECT_EQ(store(*store_, {}, kept).value(), image());
  EXPECT_TRUE(list(*store_, image()).value().empty());
  EXPECT_TRUE(blobs(*store_, image()).empty());
}

TEST_F(StoredAttestations, ThatAreGoneAreAnErrorToReadersAndNoneToPrune) {
  const oci::Descriptor kept = store(*store_, kPredicates, image()).value();
  const oci::Digest manifest = oci::Digest::parse(kept.annotations.at(kStored)).value();
  ASSERT_EQ(::unlink(store_->blob_path(manifest).c_str()), 0);
  EXPECT_FALSE(list(*store_, kept).has_value());
  EXPECT_EQ(blobs(*store_, kept).size(), 1U);
}

}  // namespace
}  // namespace pgstrata::attest
