#include "fsck/check.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>

#include "fsck/restore.h"
#include "image/image.h"
#include "image/tags.h"
#include "os/file.h"

namespace pgstrata::fsck {
namespace {

using filetree::Entry;

/// A store with the image "app" of one layer, which is unpacked.
class CheckTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pgstrata-fsck-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    content_.emplace(content::ContentStore::open(root_).value());
    index_ = cache::Index::open(root_ + "/index.db", "boot").value();
    layers_ = store::LayerStore::open(*content_, *index_).value();
    const auto open = [this](const Entry&) -> Result<filetree::Content> {
      return filetree::Content{.fd = {}, .offset = 0, .size = bytes_.size(), .text = bytes_};
    };
    Entry root;
    root.type = filetree::EntryType::kDirectory;
    root.mode = 0755;
    Entry file;
    file.path = "file";
    file.mode = 0644;
    file.uid = ::getuid();
    file.gid = ::getgid();
    file.size = bytes_.size();
    layer_ = layers_->add({root, file}, open, {}).value();
    const auto manifest =
        image::write(*content_, {}, {{.diff_id = layer_.diff_id, .size = layer_.size}}).value();
    ASSERT_TRUE(image::set_tags(*content_, {oci::Reference::parse("app").value()}, manifest));
    ASSERT_TRUE(layers_->lowerdirs({layer_}, ::getuid() != 0));
    tar_ = "blobs/sha256/" + layer_.diff_id.hex();
  }
  void TearDown() override { ASSERT_TRUE(os::remove_tree(root_)); }

  Report look(bool alone = true) {
    return check(*layers_, held_, list_names(*layers_, alone).value()).value();
  }
  /// What was found, one a line, with what can be done; and does it.
  std::string found() {
    std::string text;
    for (const Finding& finding : look().findings) {
      text += finding.what + ": " + remedy_text(finding.remedy) + "\n";
      EXPECT_TRUE(repair(*layers_, finding.remedy));
    }
    return text;
  }
  void damage(const std::string& path) { ASSERT_TRUE(os::write_file(root_ + "/" + path, "x")); }

  std::string root_;
  std::string bytes_ = "hello";
  std::optional<content::ContentStore> content_;
  std::unique_ptr<cache::Index> index_;
  std::unique_ptr<store::LayerStore> layers_;
  cache::LayerRow layer_;
  std::set<oci::Digest> held_;
  std::string tar_;
};

TEST_F(CheckTest, AWholeStoreIsClean) {
  const Report report = look();
  EXPECT_TRUE(report.findings.empty());
  EXPECT_EQ(report.images, 1U);
  EXPECT_EQ(report.layers, 1U);
  EXPECT_EQ(report.unpacked, 1U);
  EXPECT_EQ(report.blobs, 3U);
}

TEST_F(CheckTest, EachPartOfALayerIsMadeFromTheOthers) {
  damage(tar_);
  EXPECT_EQ(found(), tar_ + ": written again from the unpacked layer\n");
  const std::string changes = "changes/" + layer_.diff_id.hex();
  damage(changes);
  EXPECT_EQ(found(), changes + ": written again from the layer's tar\n");
  const std::string unpacked = "unpacked/" + layer_.diff_id.hex();
  damage(unpacked + "/file");
  EXPECT_EQ(found(), unpacked + ": removed: what needs it makes it again\n");
  ASSERT_TRUE(index_->forget_layer(layer_.diff_id));
  EXPECT_EQ(found(), changes + ": entered again from the layer's files\n");
  EXPECT_EQ(index_->layer(layer_.diff_id).value(), layer_);
  EXPECT_EQ(found(), "");
}

TEST_F(CheckTest, SeveralPartsAreMendedAtOnce) {
  const std::string hex = layer_.diff_id.hex();
  damage("changes/" + hex);
  damage("unpacked/" + hex + "/file");
  EXPECT_EQ(found(), "changes/" + hex + ": written again from the layer's tar\nunpacked/" + hex +
                         ": removed: what needs it makes it again\n");
  EXPECT_EQ(found(), "");
}

TEST_F(CheckTest, AnImageThatIsLostIsNamedUntilSomebodyDoesSomething) {
  ASSERT_TRUE(layers_->remove_unpacked(layer_.diff_id));
  damage(tar_);
  const std::string lost =
      "app:latest: pull it or build it again, or remove its name with pgstrata rmi app:latest\n";
  EXPECT_EQ(found(), tar_ + ": the layer is dropped: its step runs again\n" + lost);
  EXPECT_EQ(found(), lost);
  ASSERT_TRUE(image::remove_tag(*content_, oci::Reference::parse("app").value()));
  EXPECT_EQ(found(), "");
}

TEST_F(CheckTest, WhatAContainerUsesIsNotTouched) {
  held_.insert(layer_.diff_id);
  damage("unpacked/" + layer_.diff_id.hex() + "/file");
  EXPECT_NE(found().find("a container uses it"), std::string::npos);
  EXPECT_EQ(os::read_file(layers_->unpacked_path(layer_.diff_id) + "/file").value(), "x");
}

TEST_F(CheckTest, LeftoversAreOnlyToldWhenNoBuildIsAtWork) {
  damage("tmp/blob.1");
  const oci::Digest nobody = content_->put("bytes of a layer without a row").value();
  ASSERT_TRUE(content_->put("{\"a manifest\": \"without a tag\"}"));
  EXPECT_TRUE(look(/*alone=*/false).findings.empty());
  EXPECT_EQ(found(), "blobs/sha256/" + nobody.hex() +
                         ": removed: what needs it makes it again\n"
                         "tmp/blob.1: removed: what needs it makes it again\n");
  EXPECT_EQ(found(), "");
}

TEST_F(CheckTest, WithoutTheListOfImagesNothingIsLeftOver) {
  damage("index.json");
  ASSERT_TRUE(index_->forget_layer(layer_.diff_id));
  const Report report = look();
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].what, "index.json");
  EXPECT_FALSE(report.alone);
}

TEST_F(CheckTest, TheListThatWasSyncedTakesThePlaceOfADamagedOne) {
  const std::string list = os::read_file(root_ + "/index.json").value();
  ASSERT_TRUE(os::write_file(root_ + "/index.json.synced", list));
  damage("index.json");
  EXPECT_EQ(image::list_tags(*content_)->size(), 1U);
  EXPECT_EQ(found(), "index.json: the list that was last synced takes its place\n");
  EXPECT_EQ(os::read_file(root_ + "/index.json").value(), list);
  EXPECT_EQ(found(), "");
}

}  // namespace
}  // namespace pgstrata::fsck
