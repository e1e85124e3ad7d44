#include "registry/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgstrata::registry {
namespace {

using testing::HasSubstr;
using testing::Not;

Result<os::Captured> no_helper(const std::string& program, const std::string&) {
  ADD_FAILURE() << program << " was run";
  return os::Captured{.status = os::Exited{1}, .out = "", .err = ""};
}

std::optional<Credentials> find(const char* json, const std::string& host,
                                const CredentialStore::Helper& helper = no_helper) {
  const auto store = CredentialStore::parse(json, "config.json", helper);
  if (!store) {
    ADD_FAILURE() << store.error().message();
    return std::nullopt;
  }
  const auto found = store->find(host);
  if (!found) ADD_FAILURE() << found.error().message();
  return found ? *found : std::nullopt;
}

TEST(Credentials, OfDockerLogin) {
  constexpr const char* kConfig = R"({"auths":{
      "https://index.docker.io/v1/": {"auth": "bWU6c2VjcmV0OndpdGggY29sb24="},
      "http://registry.example:5000/v2/": {"username": "u", "password": "p"},
      "ghcr.io": {"identitytoken": "refresh"}, "empty.example": {}}})";
  EXPECT_EQ(find(kConfig, "docker.io"), (Credentials{"me", "secret:with colon", "", ""}));
  EXPECT_EQ(find(kConfig, "registry.example:5000"), (Credentials{"u", "p", "", ""}));
  EXPECT_EQ(find(kConfig, "ghcr.io"), (Credentials{"", "", "refresh", ""}));
  EXPECT_EQ(find(kConfig, "registry.example"), std::nullopt);
  EXPECT_EQ(find(kConfig, "empty.example"), std::nullopt);
}

TEST(Credentials, AHelperOfTheHostStandsBeforeTheStoreOfAll) {
  constexpr const char* kConfig = R"({"credsStore": "all", "credHelpers": {"one.example": "one"}})";
  std::string asked;
  const auto helper = [&](const std::string& program, const std::string& input) -> Result<os::Captured> {
    asked += program + " " + input + "\n";
    return os::Captured{.status = os::Exited{0}, .out = R"({"Username":"u","Secret":"s"})", .err = ""};
  };
  EXPECT_EQ(find(kConfig, "one.example", helper), (Credentials{"u", "s", "", ""}));
  EXPECT_EQ(find(kConfig, "docker.io", helper), (Credentials{"u", "s", "", ""}));
  EXPECT_EQ(asked,
            "docker-credential-one one.example\ndocker-credential-all https://index.docker.io/v1/\n");
}

TEST(Credentials, AHelpersTokenIsAnIdentityToken) {
  const auto helper = [](const std::string&, const std::string&) -> Result<os::Captured> {
    return os::Captured{
        .status = os::Exited{0}, .out = R"({"Username":"<token>","Secret":"t"})", .err = ""};
  };
  EXPECT_EQ(find(R"({"credsStore":"x"})", "a.example", helper), (Credentials{"", "", "t", ""}));
}

TEST(Credentials, AHelperThatKnowsNobodyIsNoError) {
  const auto helper = [](const std::string&, const std::string&) -> Result<os::Captured> {
    return os::Captured{
        .status = os::Exited{1}, .out = "credentials not found in native keychain\n", .err = ""};
  };
  EXPECT_EQ(find(R"({"credsStore":"x"})", "a.example", helper), std::nullopt);
}

TEST(Credentials, WhatAHelperSaysIsNotShown) {
  const auto helper = [](const std::string&, const std::string&) -> Result<os::Captured> {
    return os::Captured{.status = os::Exited{2}, .out = "s3cret", .err = "s3cret"};
  };
  const auto store = CredentialStore::parse(R"({"credsStore":"x"})", "config.json", helper);
  ASSERT_TRUE(store);
  const auto found = store->find("a.example");
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message(), HasSubstr("docker-credential-x gives no credentials for a.example"));
  EXPECT_THAT(found.error().message(), Not(HasSubstr("s3cret")));
}

TEST(Credentials, AFileThatIsNoneIsAnErrorWithItsPath) {
  for (const char* text : {"", "[]", "{\"auths\":"}) {
    const auto store = CredentialStore::parse(text, "/home/me/.docker/config.json", no_helper);
    ASSERT_FALSE(store) << text;
    EXPECT_EQ(store.error().where, "/home/me/.docker/config.json");
  }
}

}  // namespace
}  // namespace pgstrata::registry
