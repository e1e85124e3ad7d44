#include "importer/registry_image.h"

#include <gtest/gtest.h>

namespace pgstrata::importer {
namespace {

oci::Descriptor manifest(const std::string& name, std::optional<oci::Platform> platform) {
  return {.media_type = "",
          .digest = oci::sha256(name),
          .size = 1,
          .annotations = {},
          .platform = std::move(platform)};
}

TEST(Choose, TheEqualPlatformStandsBeforeOneThatWouldRun) {
  const oci::ImageIndex index{.manifests = {manifest("v6", oci::Platform{"linux", "arm", "v6"}),
                                            manifest("v7", oci::Platform{"linux", "arm", "v7"}),
                                            manifest("v5", oci::Platform{"linux", "arm", "v5"}),
                                            manifest("amd", oci::Platform{"linux", "amd64", ""})},
                              .annotations = {}};
  EXPECT_EQ(choose(index, {"linux", "arm", "v7"})->digest, oci::sha256("v7"));
  EXPECT_EQ(choose(index, {"linux", "arm", "v6"})->digest, oci::sha256("v6"));
  EXPECT_EQ(choose(index, {"linux", "arm", "v8"})->digest, oci::sha256("v7"));
  EXPECT_EQ(choose(index, {"linux", "amd64", ""})->digest, oci::sha256("amd"));
  EXPECT_FALSE(choose(index, {"linux", "s390x", ""}));
}

TEST(Choose, OtherSpellingsAndAttestations) {
  const oci::ImageIndex index{
      .manifests = {manifest("attestation", oci::Platform{"unknown", "unknown", ""}),
                    manifest("arm", oci::Platform{"linux", "arm64", "v8"})},
      .annotations = {}};
  EXPECT_EQ(choose(index, {"linux", "arm64", ""})->digest, oci::sha256("arm"));
  EXPECT_FALSE(choose(index, {"linux", "amd64", ""}));
}

TEST(Choose, OneWithoutAPlatformOnlyIfNoneFits) {
  const oci::ImageIndex index{
      .manifests = {manifest("any", {}), manifest("amd", oci::Platform{"linux", "amd64", ""})},
      .annotations = {}};
  EXPECT_EQ(choose(index, {"linux", "amd64", ""})->digest, oci::sha256("amd"));
  EXPECT_EQ(choose(index, {"linux", "arm64", ""})->digest, oci::sha256("any"));
}

}  // namespace
}  // namespace pgstrata::importer
