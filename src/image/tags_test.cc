#include "image/tags.h"

#include <gtest/gtest.h>

#include "image/image.h"
#include "os/file.h"

namespace pgstrata::image {
namespace {

class TagsTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pgstrata-tags-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    store_.emplace(content::ContentStore::open(root_).value());
  }
  void TearDown() override { ASSERT_TRUE(os::remove_tree(root_)); }
  static oci::Reference ref(const char* text) { return oci::Reference::parse(text).value(); }
  oci::Descriptor image(const char* author) {
    oci::ImageConfig config;
    config.author = author;
    config.platform = {"linux", "amd64", ""};
    return write(*store_, config, {{oci::sha256("layer"), 7}}).value();
  }
  std::string root_;
  std::optional<content::ContentStore> store_;
};

TEST_F(TagsTest, ATagMovesToTheNewestImage) {
  ASSERT_TRUE(set_tags(*store_, {ref("a:1"), ref("b")}, image("first")));
  ASSERT_TRUE(set_tags(*store_, {ref("a:1")}, image("second")));
  EXPECT_EQ(find_tag(*store_, ref("a:1"))->value().digest, image("second").digest);
  EXPECT_EQ(find_tag(*store_, ref("b:latest"))->value().digest, image("first").digest);
  EXPECT_EQ(list_tags(*store_)->size(), 2U);
}

TEST_F(TagsTest, ARemovedTagIsGone) {
  ASSERT_TRUE(set_tags(*store_, {ref("a:1")}, image("x")));
  EXPECT_TRUE(remove_tag(*store_, ref("a:1")).value());
  EXPECT_FALSE(remove_tag(*store_, ref("a:1")).value());
  EXPECT_EQ(find_tag(*store_, ref("a:1")).value(), std::nullopt);
}

TEST_F(TagsTest, AnImageIsReadBackWithItsLayers) {
  const Image loaded = load(*store_, image("me")).value();
  EXPECT_EQ(loaded.config.author, "me");
  EXPECT_EQ(loaded.config.diff_ids, std::vector{oci::sha256("layer")});
  EXPECT_EQ(loaded.manifest.layers.at(0).size, 7U);
}

TEST_F(TagsTest, ADamagedListIsNamedAndNotOverwritten) {
  ASSERT_TRUE(os::write_file(root_ + "/index.json", "{"));
  const auto result = set_tags(*store_, {ref("a")}, image("x"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().where, root_ + "/index.json");
  EXPECT_EQ(os::read_file(root_ + "/index.json").value(), "{");
}

}  // namespace
}  // namespace pgstrata::image
