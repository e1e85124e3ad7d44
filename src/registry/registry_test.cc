#include "registry/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/fake_transport.h"
#include "registry/repository.h"

namespace pgstrata::registry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kLogin = R"({"auths":{"registry.example":{"username":"me","password":"s3cret"}}})";

CredentialStore store_of(const char* json) {
  auto store = CredentialStore::parse(json, "config.json", {});
  EXPECT_TRUE(store);
  return store ? *store : CredentialStore();
}

/// Doesn't sleep, and counts.
RetryPolicy impatient(std::vector<std::chrono::milliseconds>& pauses) {
  return {.wait = [&](std::chrono::milliseconds time, const std::stop_token&) { pauses.push_back(time); }};
}

struct Setting {
  explicit Setting(FakeTransport::Server server, const char* login = "{}",
                   const std::string& domain = "registry.example")
      : transport(std::move(server)),
        credentials(store_of(login)),
        registry(Endpoint{.domain = domain, .tls = {}}, transport, credentials, impatient(pauses)),
        repository(registry, "a/b") {}
  std::vector<std::chrono::milliseconds> pauses;
  FakeTransport transport;
  CredentialStore credentials;
  Registry registry;
  Repository repository;
};

TEST(Registry, GetsATokenForTheScopeOnce) {
  Setting setting(
      [](const remote::HttpRequest& request) -> Result<FakeAnswer> {
        if (request.url.starts_with("https://auth.example/token")) {
          EXPECT_EQ(FakeTransport::header(request, "Authorization"), "Basic bWU6czNjcmV0");
          return FakeAnswer{.body = R"({"token":"t0k","expires_in":300})"};
        }
        if (FakeTransport::header(request, "Authorization") == "Bearer t0k")
          return FakeAnswer{.body = "{}"};
        return FakeAnswer{
            .status = 401,
            .headers = {{"www-authenticate", R"(Bearer realm="https://auth.example/token",service="s")"}}};
      },
      kLogin);
  ASSERT_TRUE(setting.repository.manifest("latest"));
  ASSERT_TRUE(setting.repository.manifest("latest"));
  EXPECT_THAT(setting.transport.log,
              ElementsAre("GET https://registry.example/v2/a/b/manifests/latest",
                          "GET https://auth.example/token?service=s&scope=repository%3Aa%2Fb%3Apull",
                          "GET https://registry.example/v2/a/b/manifests/latest",
                          "GET https://registry.example/v2/a/b/manifests/latest"));
}

TEST(Registry, ThePasswordIsSentOnlyWhenAskedFor) {
  Setting setting(
      [](const remote::HttpRequest& request) -> Result<FakeAnswer> {
        if (FakeTransport::header(request, "Authorization") == "Basic bWU6czNjcmV0")
          return FakeAnswer{.body = "{}"};
        return FakeAnswer{.status = 401, .headers = {{"www-authenticate", "Basic realm=\"r\""}}};
      },
      kLogin);
  ASSERT_TRUE(setting.repository.manifest("latest"));
  EXPECT_EQ(FakeTransport::header(setting.transport.requests.at(0), "Authorization"), "");
}

TEST(Registry, AWrongPasswordIsTriedOnce) {
  Setting setting(
      [](const remote::HttpRequest&) -> Result<FakeAnswer> {
        return FakeAnswer{.status = 401,
                          .headers = {{"www-authenticate", "Basic realm=\"r\""}},
                          .body = R"({"errors":[{"code":"UNAUTHORIZED","message":"go\u001baway"}]})"};
      },
      kLogin);
  const auto manifest = setting.repository.manifest("latest");
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().kind, ErrorKind::kBuildFailed);
  EXPECT_THAT(manifest.error().why, HasSubstr("401 Unauthorized (go away)"));
  EXPECT_THAT(manifest.error().next, HasSubstr("docker login registry.example"));
  EXPECT_EQ(setting.transport.log.size(), 2U);
}

TEST(Registry, NoPasswordInTheClear) {
  Setting setting(
      [](const remote::HttpRequest& request) -> Result<FakeAnswer> {
        EXPECT_THAT(request.url, HasSubstr("registry.example"));
        return FakeAnswer{.status = 401,
                          .headers = {{"www-authenticate", R"(Bearer realm="http://evil.example/")"}}};
      },
      kLogin);
  const auto manifest = setting.repository.manifest("latest");
  ASSERT_FALSE(manifest);
  EXPECT_THAT(manifest.error().message(), HasSubstr("in the clear"));
}

TEST(Registry, AnUploadElsewhereGetsNoPassword) {
  Setting setting(
      [](const remote::HttpRequest& request) -> Result<FakeAnswer> {
        const std::string authorization = FakeTransport::header(request, "Authorization");
        if (request.url.starts_with("https://storage.example/")) {
          EXPECT_EQ(authorization, "");
          return FakeAnswer{.status = 201};
        }
        if (authorization.empty())
          return FakeAnswer{.status = 401, .headers = {{"www-authenticate", "Basic realm=r"}}};
        return FakeAnswer{.status = 202, .headers = {{"location", "https://storage.example/up?x=1"}}};
      },
      kLogin);
  ASSERT_TRUE(setting.repository.upload({.fd = -1, .digest = oci::sha256(""), .size = 0}));
  EXPECT_EQ(setting.transport.log.back(),
            "PUT https://storage.example/up?x=1&digest=" + oci::sha256("").str());
}

TEST(Registry, TriesAgainWithLongerAndLongerPauses) {
  int asked = 0;
  Setting setting([&](const remote::HttpRequest&) -> Result<FakeAnswer> {
    if (++asked < 4) return FakeAnswer{.status = 503};
    return FakeAnswer{.body = "{}"};
  });
  ASSERT_TRUE(setting.repository.manifest("latest"));
  EXPECT_THAT(setting.pauses, ElementsAre(std::chrono::milliseconds(200), std::chrono::milliseconds(400),
                                          std::chrono::milliseconds(800)));
}

TEST(Registry, WaitsAsLongAsItIsTold) {
  int asked = 0;
  Setting setting([&](const remote::HttpRequest&) -> Result<FakeAnswer> {
    if (++asked == 1) return FakeAnswer{.status = 429, .headers = {{"retry-after", "3"}}};
    if (asked == 2) return FakeAnswer{.status = 429, .headers = {{"retry-after", "3600"}}};
    return FakeAnswer{};
  });
  const auto manifest = setting.repository.manifest("latest");
  ASSERT_FALSE(manifest);
  EXPECT_THAT(manifest.error().why, HasSubstr("429 Too Many Requests"));
  EXPECT_THAT(setting.pauses, ElementsAre(std::chrono::milliseconds(3000)));
}

TEST(Registry, IsUnreachableOnlyUntilItHasAnswered) {
  int asked = 0;
  Setting setting([&](const remote::HttpRequest&) -> Result<FakeAnswer> {
    if (++asked == 2) return FakeAnswer{.status = 404};
    return fail({.kind = ErrorKind::kUnreachable, .what = "can't reach it"});
  });
  const auto first = setting.repository.manifest("latest");
  EXPECT_EQ(first.error().kind, ErrorKind::kUnreachable);
  EXPECT_EQ(setting.repository.manifest("latest").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(setting.repository.manifest("latest").error().kind, ErrorKind::kIo);
}

}  // namespace
}  // namespace pgstrata::registry
