// What a push asks and sends, and in which order: against a registry that is no network, and that takes no
// manifest before all that it names is there.
#include "exporter/push.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "exporter/fake_image.h"
#include "registry/fake_transport.h"

namespace pgstrata::exporter {
namespace {

using registry::FakeAnswer;
using registry::FakeTransport;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class Pushes : public testing::Test {
 protected:
  /// As docs/registry.md has it, one after the other, so that the log is in order.
  Result<Pushed> push(const std::string& name, const Request& request, Codec codec = Codec::kGzip) {
    transport_.log.clear();
    registry::Registry registry(registry::Endpoint{.domain = "example.org", .tls = {}}, transport_,
                                credentials_, registry::RetryPolicy{.wait = [](auto, const auto&) {}});
    const oci::Reference reference = must(oci::Reference::parse("example.org/" + name));
    return exporter::push(request, registry::Repository(registry, reference.path), reference,
                          {.compression = {.codec = codec}, .parallel = 1});
  }
  Result<Pushed> push(const std::string& name) { return push(name, image_.request()); }

  [[nodiscard]] std::vector<std::string> asked(const std::string& method, const std::string& part) const {
    std::vector<std::string> found;
    for (const std::string& line : transport_.log)
      if (line.starts_with(method + " ") && line.find(part) != std::string::npos) found.push_back(line);
    return found;
  }

  FakeImage image_;
  bool mounts_ = true;
  std::map<std::string, std::set<std::string>> blobs_;  ///< of each repository
  std::map<std::string, std::string> manifests_;        ///< by path
  std::vector<std::string> taken_;                      ///< paths of manifests, in order

 private:
  Result<FakeAnswer> respond(const remote::HttpRequest& request) {
    std::string path = request.url.substr(request.url.find("/v2/") + 4);
    const auto kind = std::min(path.find("/blobs/"), path.find("/manifests/"));
    const std::string repository = path.substr(0, kind);
    std::set<std::string>& blobs = blobs_[repository];
    const std::string digest = path.substr(path.rfind('/') + 1);
    if (path.find("/manifests/") != std::string::npos) return manifest(request, path, blobs);
    if (request.method == "HEAD") return FakeAnswer{.status = blobs.contains(digest) ? 200 : 404};
    if (request.method == "POST" && path.find("mount=") != std::string::npos) return mount(path, blobs);
    if (request.method == "POST")
      return FakeAnswer{.status = 202, .headers = {{"location", "/v2/" + repository + "/blobs/uploads/1"}}};
    blobs.insert(path.substr(path.find("digest=") + 7));
    return FakeAnswer{.status = 201};
  }
  FakeAnswer mount(const std::string& path, std::set<std::string>& blobs) {
    const auto from = path.find("&from=");
    const std::string digest = path.substr(path.find("mount=") + 6, 71);
    if (!mounts_ || !blobs_[path.substr(from + 6)].contains(digest))
      return {.status = 202, .headers = {{"location", "/v2/x/blobs/uploads/2"}}};
    blobs.insert(digest);
    return {.status = 201};
  }
  FakeAnswer manifest(const remote::HttpRequest& request, const std::string& path,
                      const std::set<std::string>& blobs) {
    if (request.method != "PUT") {
      const auto found = manifests_.find(path);
      if (found == manifests_.end()) return {.status = 404};
      return {.headers = {{"content-type", std::string(oci::media_type::kManifest)}},
              .body = found->second};
    }
    const std::string text = std::get<std::string>(request.body);
    const std::string beside = path.substr(0, path.rfind('/') + 1);
    if (const auto image = oci::ImageManifest::from_json(text)) {
      bool whole = blobs.contains(image->config.digest.str());
      for (const auto& layer : image->layers) whole &= blobs.contains(layer.digest.str());
      if (!whole) return {.status = 400, .body = R"({"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]})"};
    } else {
      for (const auto& inner : must(oci::ImageIndex::from_json(text)).manifests)
        if (!manifests_.contains(beside + inner.digest.str())) return {.status = 400};
    }
    manifests_[path] = manifests_[beside + oci::sha256(text).str()] = text;
    taken_.push_back(path);
    return {.status = 201};
  }

  FakeTransport transport_{[this](const auto& request) { return respond(request); }};
  registry::CredentialStore credentials_;
};

TEST_F(Pushes, BlobsGoBeforeTheManifestAndThatLastUnderItsTag) {
  const auto pushed = push("team/app:1");
  ASSERT_TRUE(pushed) << pushed.error().message();
  EXPECT_EQ(pushed->uploaded, 3);
  EXPECT_THAT(asked("PUT", "/manifests/"), SizeIs(1));
  EXPECT_EQ(taken_, std::vector<std::string>{"team/app/manifests/1"});
  EXPECT_EQ(oci::sha256(manifests_.at("team/app/manifests/1")), pushed->manifest.digest);
}

TEST_F(Pushes, OfSeveralImagesTheIndexIsLast) {
  Request request = image_.request();
  request.images.push_back(request.images.front());
  request.images.back().image.manifest.annotations["which"] = "second";
  const auto pushed = push("team/app:1", request);
  ASSERT_TRUE(pushed) << pushed.error().message();
  ASSERT_THAT(taken_, SizeIs(3));
  EXPECT_THAT(taken_[0], StartsWith("team/app/manifests/sha256:"));
  EXPECT_THAT(taken_[1], StartsWith("team/app/manifests/sha256:"));
  EXPECT_EQ(taken_[2], "team/app/manifests/1");
  EXPECT_EQ(pushed->manifest.media_type, oci::media_type::kIndex);
  EXPECT_EQ(pushed->uploaded, 3);  // the second has the same blobs
}

TEST_F(Pushes, SmallBlobsThatNobodyHasSentArentAskedForAndLargeOnesAre) {
  ASSERT_TRUE(push("team/app:1"));
  EXPECT_THAT(asked("HEAD", "/blobs/"), IsEmpty());
  // A tar of three megabytes.
  ASSERT_TRUE(push("team/plain:1", image_.request(), Codec::kUncompressed));
  const std::string large = image_.request().images[0].chain[0].diff_id.str();
  EXPECT_THAT(asked("HEAD", "/blobs/"), Contains(HasSubstr(large)));
  EXPECT_THAT(asked("HEAD", "/blobs/"), SizeIs(1));
}

TEST_F(Pushes, WhatWasSentThereBeforeIsAskedForAndNotSentAgain) {
  ASSERT_TRUE(push("team/app:1"));
  const auto pushed = push("team/app:2");
  ASSERT_TRUE(pushed);
  EXPECT_THAT(asked("HEAD", "/blobs/"), SizeIs(3));
  EXPECT_THAT(asked("POST", ""), IsEmpty());
  EXPECT_EQ(pushed->present, 3);
  // The registry has lost one meanwhile: it is sent.
  blobs_["team/app"].erase(blobs_["team/app"].begin());
  const auto again = push("team/app:3");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->present, 2);
  EXPECT_EQ(again->uploaded, 1);
}

TEST_F(Pushes, WhatTheTagHasIsNeitherAskedForNorSent) {
  ASSERT_TRUE(push("team/app:1"));
  const auto same = push("team/app:1");
  ASSERT_TRUE(same);
  EXPECT_THAT(asked("PUT", ""), IsEmpty());
  Request request = image_.request();
  request.images[0].image.manifest.annotations["new"] = "yes";
  const auto pushed = push("team/app:1", request);
  ASSERT_TRUE(pushed);
  EXPECT_THAT(asked("HEAD", ""), IsEmpty());
  EXPECT_THAT(asked("POST", ""), IsEmpty());
  EXPECT_THAT(asked("PUT", ""), SizeIs(1));
}

TEST_F(Pushes, WhatAnotherRepositoryHasIsMounted) {
  ASSERT_TRUE(push("team/app:1"));
  const auto pushed = push("other/app:1");
  ASSERT_TRUE(pushed);
  EXPECT_EQ(pushed->mounted, 3);
  EXPECT_EQ(pushed->uploaded, 0);
  EXPECT_THAT(asked("POST", ""), AllOf(SizeIs(3), Each(HasSubstr("from=team/app"))));
  EXPECT_THAT(asked("PUT", "/blobs/"), IsEmpty());
}

TEST_F(Pushes, WhatTheRegistryDoesNotMountIsSent) {
  ASSERT_TRUE(push("team/app:1"));
  mounts_ = false;
  const auto pushed = push("other/app:1");
  ASSERT_TRUE(pushed) << pushed.error().message();
  EXPECT_EQ(pushed->mounted, 0);
  EXPECT_EQ(pushed->uploaded, 3);
  EXPECT_THAT(blobs_["other/app"], SizeIs(3));
  EXPECT_THAT(asked("PUT", "/blobs/"), Each(Not(HasSubstr("/uploads/2"))));
}

}  // namespace
}  // namespace pgstrata::exporter
