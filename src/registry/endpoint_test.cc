#include "registry/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgstrata::registry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(BaseUrl, DockerHubIsElsewhereThanItsName) {
  EXPECT_EQ(base_url("docker.io"), "https://registry-1.docker.io");
  EXPECT_EQ(base_url("ghcr.io"), "https://ghcr.io");
  EXPECT_EQ(base_url("localhost:5000", "http"), "http://localhost:5000");
}

/// "verified", or "anything".
std::string trust(const std::string& domain, std::optional<bool> insecure = {}) {
  const auto endpoint = endpoint_of(domain, insecure, {});
  EXPECT_EQ(endpoint->may_be_http, !endpoint->tls.verify) << domain;
  EXPECT_TRUE(endpoint->may_be_http || !endpoint->http_first) << domain;
  return endpoint->tls.verify ? "verified" : "anything";
}

TEST(Endpoint, OnlyThisMachineIsInsecureUnasked) {
  EXPECT_EQ(trust("docker.io"), "verified");
  EXPECT_EQ(trust("registry.example:5000"), "verified");
  EXPECT_EQ(trust("localhost.example:5000"), "verified");
  EXPECT_EQ(trust("1127.0.0.1"), "verified");
  EXPECT_EQ(trust("localhost"), "anything");
  EXPECT_EQ(trust("localhost:5000"), "anything");
  EXPECT_EQ(trust("127.0.0.1:5000"), "anything");
  EXPECT_EQ(trust("127.8.9.1"), "anything");
  EXPECT_EQ(trust("[::1]:5000"), "anything");
}

TEST(Endpoint, WhatTheFileSaysStands) {
  EXPECT_EQ(trust("registry.example", true), "anything");
  EXPECT_EQ(trust("registry.example", false), "verified");
  EXPECT_EQ(trust("localhost:5000", false), "verified");
}

TEST(Endpoint, OnlyThisMachineIsAskedByHttpFirst) {
  EXPECT_TRUE(endpoint_of("127.0.0.1:5000", {}, {})->http_first);
  EXPECT_FALSE(endpoint_of("127.0.0.1:5000", false, {})->http_first);
  EXPECT_FALSE(endpoint_of("registry.example:5000", true, {})->http_first);
}

TEST(CertificateFiles, AuthoritiesAndThePairThatIsShown) {
  const auto files =
      certificate_files("/d", {"b.crt", "z.key", "a.crt", "z.cert", "readme", "c.cert", "c.key"});
  ASSERT_TRUE(files);
  EXPECT_THAT(files->authorities, ElementsAre("/d/a.crt", "/d/b.crt"));
  EXPECT_EQ(files->certificate, "/d/c.cert");
  EXPECT_EQ(files->key, "/d/c.key");
}

TEST(CertificateFiles, HalfAPairIsAnError) {
  const auto without_key = certificate_files("/d", {"a.cert"});
  ASSERT_FALSE(without_key);
  EXPECT_EQ(without_key.error().kind, ErrorKind::kUsage);
  EXPECT_THAT(without_key.error().message(), HasSubstr("/d: a.cert is there, and a.key isn't"));
  EXPECT_FALSE(certificate_files("/d", {"a.key"}));
  EXPECT_TRUE(certificate_files("/d", {}));
}

}  // namespace
}  // namespace pgstrata::registry
