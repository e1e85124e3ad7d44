#include "cli/attest_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgstrata::cli {
namespace {

using attest::ProvenanceMode;
using testing::HasSubstr;

struct Words {
  std::vector<std::string> attest;
  std::string sbom;
  std::string provenance;
};

AttestRequest parsed(const Words& words) {
  const auto request = parse_attestations(words.attest, words.sbom, words.provenance);
  if (!request) ADD_FAILURE() << request.error().message();
  return request.value_or(AttestRequest{});
}

std::string refused(const Words& words) {
  const auto request = parse_attestations(words.attest, words.sbom, words.provenance);
  if (request) return "accepted";
  EXPECT_EQ(request.error().kind, ErrorKind::kUsage);
  return request.error().message();
}

TEST(AttestOptions, NoneUnlessAsked) {
  EXPECT_FALSE(parsed({}).any());
  EXPECT_FALSE(parsed({.sbom = "false", .provenance = "0"}).any());
  EXPECT_FALSE(parsed({.attest = {"type=sbom,disabled=true", "type=provenance,disabled=1"}}).any());
  EXPECT_FALSE(parsed({.attest = {"type=sbom,disabled=true"}, .sbom = "false"}).any());
}

TEST(AttestOptions, ProvenanceIsMaxUnlessSaid) {
  EXPECT_EQ(parsed({.provenance = "true"}).provenance->mode, ProvenanceMode::kMax);
  EXPECT_EQ(parsed({.attest = {"type=provenance"}}).provenance->mode, ProvenanceMode::kMax);
  EXPECT_EQ(parsed({.provenance = "mode=min"}).provenance->mode, ProvenanceMode::kMin);
  EXPECT_FALSE(parsed({.provenance = "mode=min"}).sbom);
}

TEST(AttestOptions, KeysOfProvenance) {
  const auto made =
      parsed({.attest = {"type=provenance,mode=min,\"builder-id=https://ci/a,b\",reproducible=true,"
                         "inline-only=true,version=v0.2"}})
          .provenance;
  ASSERT_TRUE(made);
  EXPECT_EQ(made->builder_id, "https://ci/a,b");
  EXPECT_TRUE(made->reproducible);
}

TEST(AttestOptions, Sbom) {
  EXPECT_TRUE(parsed({.sbom = "true"}).sbom);
  EXPECT_TRUE(parsed({.attest = {"type=sbom"}}).sbom);
  EXPECT_THAT(refused({.sbom = "generator=x"}), HasSubstr("no other generator"));
}

TEST(AttestOptions, WhatCannotBeMeantIsRefused) {
  EXPECT_THAT(refused({.attest = {"mode=max"}}), HasSubstr("no type"));
  EXPECT_THAT(refused({.attest = {"type=vex"}}), HasSubstr("type vex"));
  EXPECT_THAT(refused({.provenance = "yes"}), HasSubstr("KEY=VALUE"));
  EXPECT_THAT(refused({.provenance = "mode=medium"}), HasSubstr("no such mode"));
  EXPECT_THAT(refused({.provenance = "version=v1"}), HasSubstr("only v0.2"));
  EXPECT_THAT(refused({.provenance = "reproducible=perhaps"}), HasSubstr("neither true nor false"));
  EXPECT_THAT(refused({.provenance = "mod=max"}), HasSubstr("no key \"mod\""));
  EXPECT_THAT(refused({.attest = {"type=sbom"}, .sbom = "true"}), HasSubstr("twice"));
  EXPECT_THAT(refused({.attest = {"type=sbom,disabled=true"}, .sbom = "true"}), HasSubstr("twice"));
}

}  // namespace
}  // namespace pgstrata::cli
