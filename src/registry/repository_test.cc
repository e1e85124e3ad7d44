#include "registry/repository.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/fake_transport.h"

namespace pgstrata::registry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kBlob = "a blob that takes several pieces";

class Repositories : public testing::Test {
 protected:
  Repository& serve(FakeTransport::Server server) {
    transport_ = std::make_unique<FakeTransport>(std::move(server));
    registry_ = std::make_unique<Registry>(Endpoint{.domain = "registry.example", .tls = {}}, *transport_,
                                           credentials_, RetryPolicy{.wait = [](auto, const auto&) {}});
    repository_ = std::make_unique<Repository>(*registry_, "a/b");
    return *repository_;
  }
  /// What comes of the blob.
  Result<std::string> pull(const std::string& expected = kBlob) {
    std::string got;
    const BlobSink sink{.write = [&](std::span<const std::byte> bytes) -> Result<void> {
                          got.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                          return {};
                        },
                        .restart = [&]() -> Result<void> {
                          got.clear();
                          return {};
                        }};
    const oci::Descriptor blob{
        .media_type = "", .digest = oci::sha256(expected), .size = expected.size(), .annotations = {}};
    TRY_VOID(repository_->blob(blob, sink));
    return got;
  }
  [[nodiscard]] const std::vector<std::string>& log() const { return transport_->log; }
  [[nodiscard]] std::string asked(std::size_t i, const std::string& header) const {
    return FakeTransport::header(transport_->requests.at(i), header);
  }

 private:
  CredentialStore credentials_;
  std::unique_ptr<FakeTransport> transport_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Repository> repository_;
};

TEST_F(Repositories, AManifestByItsDigestIsThatOne) {
  serve([](const auto&) -> Result<FakeAnswer> {
    return FakeAnswer{.headers = {{"content-type", "application/x; charset=utf-8"}}, .body = "{}"};
  });
  auto& repository = serve([](const auto&) -> Result<FakeAnswer> {
    return FakeAnswer{.headers = {{"content-type", "application/x; charset=utf-8"}}, .body = "{}"};
  });
  const auto manifest = repository.manifest(oci::sha256("{}").str());
  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->media_type, "application/x");
  const auto other = repository.manifest(oci::sha256("other").str());
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(other.error().why, HasSubstr(oci::sha256("{}").str()));
  EXPECT_THAT(other.error().why, HasSubstr(oci::sha256("other").str()));
}

TEST_F(Repositories, AManifestIsWhatTheRegistrySaysItIs) {
  auto& repository = serve([](const auto&) -> Result<FakeAnswer> {
    return FakeAnswer{.headers = {{"docker-content-digest", oci::sha256("other").str()}}, .body = "{}"};
  });
  const auto manifest = repository.manifest("latest");
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().kind, ErrorKind::kCorrupt);
}

TEST_F(Repositories, AManifestHasALimit) {
  auto& repository = serve([](const auto&) -> Result<FakeAnswer> {
    return FakeAnswer{.body = std::string(kLargestManifest + 1, ' ')};
  });
  const auto manifest = repository.manifest("latest");
  ASSERT_FALSE(manifest);
  EXPECT_THAT(manifest.error().message(), HasSubstr("too large"));
}

TEST_F(Repositories, ABlobGoesOnWhereItBroke) {
  int times = 0;
  serve([&](const remote::HttpRequest& request) -> Result<FakeAnswer> {
    if (++times == 1) return FakeAnswer{.body = kBlob, .breaks_after = 10};
    EXPECT_EQ(FakeTransport::header(request, "Range"), "bytes=10-");
    return FakeAnswer{
        .status = 206,
        .headers = {{"content-range", fmt::format("bytes 10-{}/{}", kBlob.size() - 1, kBlob.size())}},
        .body = kBlob.substr(10)};
  });
  const auto got = pull();
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(*got, kBlob);
  EXPECT_EQ(log().size(), 2U);
}

TEST_F(Repositories, ARegistryWithoutRangesSendsItAgain) {
  int times = 0;
  serve([&](const auto&) -> Result<FakeAnswer> {
    return FakeAnswer{.body = kBlob, .breaks_after = ++times == 1 ? 10 : std::string::npos};
  });
  const auto got = pull();
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(*got, kBlob);
}

TEST_F(Repositories, AnotherRangeThanAskedForIsRefused) {
  int times = 0;
  serve([&](const auto&) -> Result<FakeAnswer> {
    if (++times == 1) return FakeAnswer{.body = kBlob, .breaks_after = 10};
    return FakeAnswer{
        .status = 206, .headers = {{"content-range", "bytes 5-9/32"}}, .body = kBlob.substr(5)};
  });
  EXPECT_EQ(pull().error().kind, ErrorKind::kCorrupt);
}

TEST_F(Repositories, AnotherBlobIsAnErrorWithBothDigests) {
  serve([&](const auto&) -> Result<FakeAnswer> {
    return FakeAnswer{.body = std::string(kBlob.size(), 'x')};
  });
  const auto got = pull();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(got.error().why, HasSubstr(oci::sha256(kBlob).str()));
  EXPECT_THAT(got.error().why, HasSubstr(oci::sha256(std::string(kBlob.size(), 'x')).str()));
  EXPECT_EQ(log().size(), 1U);
}

TEST_F(Repositories, ABlobIsAsLongAsPromised) {
  serve([&](const auto&) -> Result<FakeAnswer> { return FakeAnswer{.body = kBlob + "more"}; });
  EXPECT_THAT(pull().error().message(), HasSubstr("more than the manifest promises"));
  serve([&](const remote::HttpRequest& request) -> Result<FakeAnswer> {
    if (!FakeTransport::header(request, "Range").empty())
      return FakeAnswer{.status = 206, .headers = {{"content-range", "bytes 10-/32"}}, .body = ""};
    return FakeAnswer{.body = kBlob.substr(0, 10)};
  });
  EXPECT_THAT(pull().error().message(), HasSubstr("less than the manifest promises"));
}

TEST_F(Repositories, AnEmptyBlob) {
  serve([](const auto&) -> Result<FakeAnswer> { return FakeAnswer{}; });
  const auto got = pull("");
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(*got, "");
}

TEST_F(Repositories, MountsOrSaysThatItCouldNot) {
  int status = 201;
  auto& repository = serve([&](const auto&) -> Result<FakeAnswer> { return FakeAnswer{.status = status}; });
  const oci::Digest digest = oci::sha256("x");
  EXPECT_EQ(*repository.mount(digest, "c/d"), true);
  EXPECT_EQ(log().back(),
            "POST https://registry.example/v2/a/b/blobs/uploads/?mount=" + digest.str() + "&from=c/d");
  status = 202;
  EXPECT_EQ(*repository.mount(digest, "c/d"), false);
}

TEST_F(Repositories, AnUploadThatBrokeBeginsAnew) {
  int puts = 0;
  auto& repository = serve([&](const remote::HttpRequest& request) -> Result<FakeAnswer> {
    if (request.method == "POST") return FakeAnswer{.status = 202, .headers = {{"location", "/up"}}};
    if (++puts == 1) return fail({.kind = ErrorKind::kIo, .what = "broke"});
    return FakeAnswer{.status = 201};
  });
  ASSERT_TRUE(repository.upload({.fd = -1, .digest = oci::sha256("x"), .size = 1}));
  const std::string put = "PUT https://registry.example/up?digest=" + oci::sha256("x").str();
  const std::string post = "POST https://registry.example/v2/a/b/blobs/uploads/";
  EXPECT_THAT(log(), ElementsAre(post, put, post, put));
}

TEST_F(Repositories, ALargeBlobGoesInChunksAndGoesOnWhereTheRegistryHasIt) {
  constexpr std::uint64_t kSize = 80UL * 1024 * 1024;
  std::vector<std::string> ranges;
  int patches = 0;
  auto& repository = serve([&](const remote::HttpRequest& request) -> Result<FakeAnswer> {
    if (request.method == "POST") return FakeAnswer{.status = 202, .headers = {{"location", "/up/1"}}};
    if (request.method == "GET")
      return FakeAnswer{.status = 204, .headers = {{"location", "/up/again"}, {"range", "0-999"}}};
    if (request.method == "PUT") return FakeAnswer{.status = 201};
    ranges.push_back(FakeTransport::header(request, "Content-Range"));
    if (++patches == 1) return fail({.kind = ErrorKind::kIo, .what = "broke"});
    return FakeAnswer{.status = 202, .headers = {{"location", fmt::format("/up/{}", patches)}}};
  });
  ASSERT_TRUE(repository.upload({.fd = -1, .digest = oci::sha256("x"), .size = kSize}));
  EXPECT_THAT(ranges, ElementsAre("0-33554431", "1000-33555431", "33555432-67109863", "67109864-83886079"));
  EXPECT_EQ(log().back(), "PUT https://registry.example/up/4?digest=" + oci::sha256("x").str());
}

}  // namespace
}  // namespace pgstrata::registry
