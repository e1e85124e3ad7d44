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

TEST_F(Platforms, AnIndexThatIsGoneIsAnError) {
  const oci::Descriptor index = join(*store_, {manifest("linux/s390x"), manifest("linux/amd64")}).value();
  ASSERT_EQ(::unlink(store_->blob_path(index.digest).c_str()), 0);
  EXPECT_FALSE(manifests(*store_, index));
}

TEST_F(Platforms, TheNewestVariantThatRunsIsChosen) {
  const std::vector all = {manifest("linux/amd64"), manifest("linux/arm/v6"), manifest("linux/arm/v7")};
  EXPECT_EQ(choose(all, oci::Platform::parse("linux/arm/v7").value()), manifest("linux/arm/v7"));
  EXPECT_EQ(choose({all[0], all[1]}, oci::Platform::parse("linux/arm/v7").value()),
            manifest("linux/arm/v6"));
  EXPECT_EQ(choose(all, oci::Platform::parse("linux/arm/v5").value()), std::nullopt);
}

}  // namespace
}  // namespace pgstrata::image
