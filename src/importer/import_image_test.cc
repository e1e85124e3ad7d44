// Images whose layers aren't as one would make them: without parents, with holes, the same one twice.
#include "importer/import_image.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "image/image.h"
#include "os/test_support.h"
#include "snapshot/chain_view.h"

namespace pgstrata::importer {
namespace {

using os::testing::TempDir;

class Imports : public testing::Test {
 protected:
  void SetUp() override {
    content_.emplace(content::ContentStore::open(temp_ / "store").value());
    index_ = cache::Index::open(temp_ / "store/index.db", "boot").value();
    layers_ = store::LayerStore::open(*content_, *index_).value();
  }

  /// The tar that the command makes of the empty directory it is in.
  std::string tar(const std::string& make) {
    const std::string command = "cd " + temp_.path() + " && rm -rf t && mkdir t && cd t && " + make;
    EXPECT_EQ(std::system(command.c_str()), 0);
    return os::read_file(temp_ / "t/layer.tar").value();
  }

  /// Brings an image of these layers into the store, and gives its files.
  std::unique_ptr<snapshot::ChainView> import(const std::vector<std::string>& tars) {
    ImageParts parts;
    std::string diff_ids;
    std::map<oci::Digest, std::string> blobs;
    for (const std::string& bytes : tars) {
      const oci::Digest digest = oci::sha256(bytes);
      blobs[digest] = bytes;
      parts.manifest.layers.push_back({.media_type = std::string(oci::media_type::kLayer),
                                       .digest = digest,
                                       .size = bytes.size(),
                                       .annotations = {},
                                       .platform = {}});
      diff_ids += fmt::format("{}\"{}\"", diff_ids.empty() ? "" : ",", digest.str());
    }
    parts.config = fmt::format(
        R"({{"os":"linux","architecture":"amd64","config":{{}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}})",
        diff_ids);
    fetched_ = 0;
    const FetchLayer fetch = [&](const oci::Descriptor& blob, const LayerSink& sink,
                                 const std::stop_token&) -> Result<FetchedLayer> {
      ++fetched_;
      TRY_VOID(sink.write(std::as_bytes(std::span(blobs.at(blob.digest)))));
      return FetchedLayer{.name = "a layer"};
    };
    const auto manifest =
        import_image(*layers_, parts, fetch, {.parallel = 1, .stop = {}, .annotations = {}});
    EXPECT_TRUE(manifest) << manifest.error().message();
    if (!manifest) return nullptr;
    const auto image = image::load(*content_, *manifest).value();
    return layers_->view(layers_->rows(image.config.diff_ids).value().value(), "the image").value();
  }

  static std::uint32_t mode(const snapshot::ChainView& view, std::string_view path) {
    const auto entry = view.lookup(path).value();
    return entry ? entry->mode : 0;
  }

  int fetched_ = 0;
  TempDir temp_;
  std::optional<content::ContentStore> content_;
  std::unique_ptr<cache::Index> index_;
  std::unique_ptr<store::LayerStore> layers_;
};

TEST_F(Imports, ParentsThatALayerLacksAreThoseOfEachImage) {
  const std::string closed = tar("mkdir -m 700 d && tar -cf layer.tar d");
  const std::string open = tar("mkdir -m 777 d && tar -cf layer.tar d");
  const std::string lacking = tar("mkdir d && echo x >d/file && tar -cf layer.tar d/file");
  EXPECT_EQ(mode(*import({closed, lacking}), "d"), 0700U);
  const auto other = import({open, lacking});
  EXPECT_EQ(fetched_, 1);  // the store has the one that lacks the parent
  EXPECT_EQ(mode(*other, "d"), 0777U);
  EXPECT_NE(mode(*other, "d/file"), 0U);
  EXPECT_EQ(mode(*import({lacking}), "d"), 0755U);
  EXPECT_EQ(mode(*import({closed, lacking}), "d"), 0700U);
}

TEST_F(Imports, ParentsThatALayerHasStay) {
  const std::string open = tar("mkdir -m 777 d && tar -cf layer.tar d");
  const std::string having = tar("mkdir -m 711 d && echo x >d/file && tar -cf layer.tar d");
  EXPECT_EQ(mode(*import({having}), "d"), 0711U);
  EXPECT_EQ(mode(*import({open, having}), "d"), 0711U);
  EXPECT_EQ(fetched_, 1);
  EXPECT_TRUE(layers_->index().layer(oci::sha256(having)).value());
}

TEST_F(Imports, ALayerWithHolesMayComeTwice) {
  const std::string sparse =
      tar("truncate -s 1M holes && printf x | dd of=holes bs=1 seek=500000 conv=notrunc status=none && "
          "tar --sparse -cf layer.tar holes");
  const auto view = import({sparse, sparse});
  ASSERT_NE(view, nullptr);
  EXPECT_EQ(view->lookup("holes").value()->size, 1048576U);
}

}  // namespace
}  // namespace pgstrata::importer
