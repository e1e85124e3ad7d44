#include "image/platforms.h"

#include <gtest/gtest.h>

#include "os/file.h"

namespace pgstrata::image {
namespace {

oci::Descriptor manifest(const char* platform) {
  return {.media_type = std::string(oci::media_type::kManifest),
          .digest = oci::sha256(platform),
          .size = 1,
          .annotations = {{"org.example", platform}},
          .platform = oci::Platform::parse(platform).value()};
}

class Platforms : public testing::Test {
 protected:
  Platforms() {
    std::string name = testing::TempDir() + "platforms.XXXXXX";
    root_ = ::mkdtemp(name.data());
    store_.emplace(content::ContentStore::open(root_).value());
  }
  ~Platforms() override { static_cast<void>(os::remove_tree(root_).has_value()); }
  std::string root_;
  std::optional<content::ContentStore> store_;
};

TEST_F(Platforms, OneManifestStandsForItself) {
  EXPECT_EQ(join(*store_, {manifest("linux/arm64")}).value(), manifest("linux/arm64"));
  EXPECT_EQ(manifests(*store_, manifest("linux/arm64")).value(), std::vector{manifest("linux/arm64")});
}

TEST_F(Platforms, AnIndexGivesBackWhatWasJoinedInItsOrder) {
  const std::vector both = {manifest("linux/s390x"), manifest("linux/amd64")};
  const oci::Descriptor index = join(*store_, both).value();
  EXPECT_EQ(index.media_type, oci::media_type::kIndex);
  EXPECT_EQ(manifests(*store_, index).value(), both);
}

TEST_F(Platforms, NamesStayWithTheWhole) {
  oci::Descriptor named = manifest("linux/s390x");
  named.annotations[oci::annotation::kImageName] = "a";
  const oci::Descriptor index = join(*store_, {named, manifest("linux/amd64")}).value();
  EXPECT_EQ(manifests(*store_, index)->front(), manifest("linux/s390x"));
}

TEST_F(Platforms, AnIndexThatIsGoneIsAnError) {
  const oci::Descriptor index = join(*store_, {manifest("linux/s390x"), manifest("linux/amd64")}).value();
  ASSERT_EQ(::unlink(store_->blob_path(index.digest).c_str()), 0);
  EXPECT_FALSE(manifests(*store_, index));
}

oci::Descriptor named(const std::string& name, std::optional<oci::Platform> platform) {
  return {.media_type = "",
          .digest = oci::sha256(name),
          .size = 1,
          .annotations = {},
          .platform = std::move(platform)};
}

TEST(ChosenPlatform, TheEqualPlatformStandsBeforeOneThatWouldRun) {
  const std::vector index = {
      named("v6", oci::Platform{"linux", "arm", "v6"}), named("v7", oci::Platform{"linux", "arm", "v7"}),
      named("v5", oci::Platform{"linux", "arm", "v5"}), named("amd", oci::Platform{"linux", "amd64", ""})};
  EXPECT_EQ(choose(index, {"linux", "arm", "v7"})->digest, oci::sha256("v7"));
  EXPECT_EQ(choose(index, {"linux", "arm", "v6"})->digest, oci::sha256("v6"));
  EXPECT_EQ(choose(index, {"linux", "arm", "v8"})->digest, oci::sha256("v7"));
  EXPECT_EQ(choose(index, {"linux", "amd64", ""})->digest, oci::sha256("amd"));
  EXPECT_FALSE(choose(index, {"linux", "s390x", ""}));
}

TEST(ChosenPlatform, OtherSpellingsAndAttestations) {
  const std::vector index = {named("attestation", oci::Platform{"unknown", "unknown", ""}),
                             named("arm", oci::Platform{"linux", "arm64", "v8"})};
  EXPECT_EQ(choose(index, {"linux", "arm64", ""})->digest, oci::sha256("arm"));
  EXPECT_FALSE(choose(index, {"linux", "amd64", ""}));
}

TEST(ChosenPlatform, OneWithoutAPlatformOnlyIfNoneFits) {
  const std::vector index = {named("any", {}), named("amd", oci::Platform{"linux", "amd64", ""})};
  EXPECT_EQ(choose(index, {"linux", "amd64", ""})->digest, oci::sha256("amd"));
  EXPECT_EQ(choose(index, {"linux", "arm64", ""})->digest, oci::sha256("any"));
}

}  // namespace
}  // namespace pgstrata::image
