#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "registry/fake_transport.h"
#include "registry/repository.h"

namespace pgstrata::registry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const oci::Digest kSubject = oci::sha256("the image");
const std::string kList = "/v2/a/b/referrers/" + kSubject.str();
const std::string kTagged = "/v2/a/b/manifests/sha256-" + kSubject.hex();

std::string entry(const std::string& name, const std::string& type) {
  return fmt::format(R"({{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":9,)"
                     R"("artifactType":"{}","annotations":{{"name":"{}"}}}})",
                     oci::sha256(name).str(), type, name);
}
std::string index(const std::string& entries) {
  return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" +
         entries + "]}";
}
std::vector<std::string> names(const std::vector<oci::Descriptor>& referrers) {
  std::vector<std::string> names;
  for (const oci::Descriptor& one : referrers)
    names.push_back(one.annotations.at("name") + " " + one.artifact_type);
  return names;
}

/// A registry that has what is put into `answers`, by path, and nothing else.
class Referrers : public testing::Test {
 protected:
  std::map<std::string, FakeAnswer> answers_;
  FakeTransport transport_{[this](const remote::HttpRequest& request) -> Result<FakeAnswer> {
    const std::string path = request.url.substr(std::string("https://registry.example").size());
    if (request.method == "PUT") return FakeAnswer{.status = 201, .headers = put_headers_, .body = {}};
    const auto found = answers_.find(path);
    return found == answers_.end() ? FakeAnswer{.status = 404, .body = "404 page not found"}
                                   : found->second;
  }};
  std::map<std::string, std::string> put_headers_;
  CredentialStore credentials_;
  Registry registry_{Endpoint{.domain = "registry.example", .tls = {}}, transport_, credentials_,
                     RetryPolicy{.wait = [](auto, const auto&) {}}};
  Repository repository_{registry_, "a/b"};
};

TEST_F(Referrers, AreThoseOfAllPartsOfTheRegistrysList) {
  answers_[kList] = {.headers = {{"link", "<" + kList + "?last=1>; rel=\"next\""}},
                     .body = index(entry("one", "sig"))};
  answers_[kList + "?last=1"] = {.body = index(entry("two", "sbom"))};
  const auto found = repository_.referrers(kSubject);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_THAT(names(*found), ElementsAre("one sig", "two sbom"));
}

TEST_F(Referrers, ANextPartElsewhereIsNotAskedFor) {
  answers_[kList] = {.headers = {{"link", "<https://other.example/v2/>; rel=\"next\""}},
                     .body = index(entry("one", "sig"))};
  ASSERT_TRUE(repository_.referrers(kSubject));
  EXPECT_THAT(transport_.log, ElementsAre("GET https://registry.example" + kList));
}

TEST_F(Referrers, OfOneTypeAreAskedForAndFilteredHereIfTheRegistryDoesNot) {
  const std::string asked = kList + "?artifactType=application%2Fsig%2Bjson";
  answers_[asked] = {.body = index(entry("one", "application/sig+json") + "," + entry("two", "sbom"))};
  const auto found = repository_.referrers(kSubject, "application/sig+json");
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_THAT(names(*found), ElementsAre("one application/sig+json"));
  // Who says that it has filtered is believed, whatever it calls the type.
  answers_[asked].headers = {{"oci-filters-applied", "artifactType"}};
  EXPECT_EQ(repository_.referrers(kSubject, "application/sig+json")->size(), 2U);
}

TEST_F(Referrers, AreInTheTagWhereThereIsNoList) {
  EXPECT_THAT(*repository_.referrers(kSubject), IsEmpty());
  answers_[kTagged] = {.body = index(entry("one", "sig") + "," + entry("two", "sbom"))};
  EXPECT_THAT(names(*repository_.referrers(kSubject)), ElementsAre("one sig", "two sbom"));
  EXPECT_THAT(names(*repository_.referrers(kSubject, "sbom")), ElementsAre("two sbom"));
}

TEST_F(Referrers, AnswersThatAreNoListAreErrors) {
  answers_[kList] = {.body = "<html>"};
  ASSERT_FALSE(repository_.referrers(kSubject));
  EXPECT_EQ(repository_.referrers(kSubject).error().kind, ErrorKind::kCorrupt);
  answers_[kList] = {.status = 403, .body = ""};
  EXPECT_THAT(repository_.referrers(kSubject).error().message(), HasSubstr("403"));
  answers_[kList] = {.body = std::string(kLargestManifest + 1, ' ')};
  EXPECT_THAT(repository_.referrers(kSubject).error().message(), HasSubstr("too long"));
  // A list without an end.
  answers_[kList] = {.headers = {{"link", "<" + kList + ">; rel=\"next\""}}, .body = index("")};
  EXPECT_THAT(repository_.referrers(kSubject).error().message(), HasSubstr("too long"));
}

std::string signature(const std::string& more) {
  return fmt::format(R"({{"schemaVersion":2,"subject":{{"mediaType":"m","digest":"{}","size":3}},)"
                     R"("config":{{"mediaType":"application/config","size":2,"digest":"{}"}},)"
                     R"("annotations":{{"name":"new"}},"layers":[]{}}})",
                     kSubject.str(), oci::sha256("{}").str(), more);
}

TEST_F(Referrers, WhatIsPushedWithASubjectGoesIntoTheTagWhereThereIsNoList) {
  answers_[kTagged] = {.body = index(entry("one", "sig"))};
  const std::string pushed = signature("");
  ASSERT_TRUE(repository_.put_manifest("", oci::media_type::kManifest, pushed));
  EXPECT_THAT(
      transport_.log,
      ElementsAre("PUT https://registry.example/v2/a/b/manifests/" + oci::sha256(pushed).str(),
                  "GET https://registry.example" + kTagged, "PUT https://registry.example" + kTagged));
  const auto written = oci::ImageIndex::from_json(std::get<std::string>(transport_.requests[2].body));
  ASSERT_TRUE(written);
  EXPECT_THAT(names(written->manifests), ElementsAre("one sig", "new application/config"));
  EXPECT_EQ(written->manifests[1].digest, oci::sha256(pushed));
  EXPECT_EQ(written->manifests[1].size, pushed.size());
  EXPECT_EQ(FakeTransport::header(transport_.requests[2], "Content-Type"), oci::media_type::kIndex);
  // Once is enough.
  answers_[kTagged].body = std::get<std::string>(transport_.requests[2].body);
  transport_.log.clear();
  ASSERT_TRUE(repository_.put_manifest("", oci::media_type::kManifest, pushed));
  EXPECT_EQ(transport_.log.size(), 2U);
}

TEST_F(Referrers, TheArtifactTypeOfAManifestStandsBeforeItsConfigurations) {
  ASSERT_TRUE(
      repository_.put_manifest("t", oci::media_type::kManifest, signature(R"(,"artifactType":"own")")));
  const auto written = oci::ImageIndex::from_json(std::get<std::string>(transport_.requests.back().body));
  EXPECT_THAT(names(written->manifests), ElementsAre("new own"));
}

TEST_F(Referrers, ARegistryWithAListKeepsItItself) {
  put_headers_ = {{"oci-subject", kSubject.str()}};
  ASSERT_TRUE(repository_.put_manifest("", oci::media_type::kManifest, signature("")));
  EXPECT_EQ(transport_.log.size(), 1U);
  put_headers_.clear();
  ASSERT_TRUE(
      repository_.put_manifest("t", oci::media_type::kManifest, R"({"annotations":{"subject":"x"}})"));
  EXPECT_EQ(transport_.log.size(), 2U) << "no subject";
}

}  // namespace
}  // namespace pgstrata::registry
