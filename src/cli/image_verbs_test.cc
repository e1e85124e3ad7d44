#include "cli/image_verbs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/stored_image.h"
#include "exporter/fake_image.h"
#include "image/tags.h"

namespace pgstrata::cli {
namespace {

using exporter::must;
using testing::ElementsAre;
using testing::HasSubstr;
using Json = nlohmann::json;

class ImageVerbs : public testing::Test {
 protected:
  ImageVerbs() {
    const auto request = image_.request();
    must(image::set_tags(image_.content(), request.names, request.images[0].image.descriptor));
    global_.root = image_.content().root();
    // `save` opens the store's own index, which has to know the layers.
    auto index = must(cache::Index::open(global_.root + "/index.db", "boot"));
    for (const cache::LayerRow& layer : request.images[0].chain) must(index->add_layer(layer));
  }

  /// What the verb prints.
  Result<std::string> run(RegisterVerb add, std::vector<std::string> words) {
    CLI::App app;
    const Command command = add(app, global_);
    std::reverse(words.begin(), words.end());
    app.parse(std::move(words));
    testing::internal::CaptureStdout();
    const auto result = command();
    std::string out = testing::internal::GetCapturedStdout();
    if (!result) return fail(result.error());
    EXPECT_EQ(*result, 0);
    return out;
  }
  std::string id() { return image_.request().images[0].image.manifest.config.digest.hex(); }

  exporter::FakeImage image_;
  GlobalOptions global_;
};

TEST_F(ImageVerbs, ImagesListsOneLinePerName) {
  const std::string text = must(run(add_images, {}));
  EXPECT_THAT(text, testing::StartsWith("REPOSITORY"));
  EXPECT_THAT(text, HasSubstr("example.org/team/app   1.2      " + id().substr(0, 12) + "   " +
                              oci::Platform::host().str() + "   2020-09-13 12:26:40   "));
  EXPECT_THAT(text, HasSubstr("\napp "));
  EXPECT_EQ(must(run(add_images, {"-q"})), id().substr(0, 12) + "\n");
}

TEST_F(ImageVerbs, ImagesAsJson) {
  const std::string text = must(run(add_images, {"--format", "json"}));
  const Json line = Json::parse(text.substr(0, text.find('\n')));
  EXPECT_EQ(line.at("Repository"), "example.org/team/app");
  EXPECT_EQ(line.at("Tag"), "1.2");
  EXPECT_EQ(line.at("ID"), "sha256:" + id());
  EXPECT_EQ(line.at("Digest"), image_.request().images[0].image.descriptor.digest.str());
  const auto chain = image_.request().images[0].chain;
  EXPECT_EQ(line.at("Size"), chain[0].size + chain[1].size);
}

TEST_F(ImageVerbs, InspectTellsConfigLayersAndDigests) {
  for (const std::string& name : {std::string("app"), id(), "sha256:" + id(), id().substr(0, 6)}) {
    const Json image = Json::parse(must(run(add_inspect, {name}))).at(0);
    EXPECT_EQ(image.at("Id"), "sha256:" + id()) << name;
    EXPECT_EQ(image.at("RepoTags"), (Json{"example.org/team/app:1.2", "app:latest"}));
    EXPECT_EQ(image.at("Config").at("Cmd"), Json::array({"/tool"}));
    EXPECT_EQ(image.at("Layers")[1].at("DiffID"), image_.request().images[0].chain[1].diff_id.str());
    EXPECT_EQ(image.at("Layers")[1].at("Size"), image_.request().images[0].chain[1].size);
    EXPECT_EQ(image.at("Layers")[1].at("CreatedBy"), "test");
  }
}

TEST_F(ImageVerbs, UnknownImages) {
  for (const char* name : {"nothing", "sha256:0000", "0000"}) {
    const auto result = run(add_inspect, {name});
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().kind, ErrorKind::kNotFound) << name;
  }
  EXPECT_EQ(run(add_inspect, {"UPPER"}).error().kind, ErrorKind::kUsage);
}

TEST_F(ImageVerbs, TagAndRmi) {
  must(run(add_tag, {id().substr(0, 8), "other:3"}));
  EXPECT_EQ(must(find_image(image_.content(), "other:3")).id().hex(), id());
  EXPECT_EQ(must(run(add_rmi, {"other:3"})), "Untagged: other:3\n");
  EXPECT_FALSE(find_image(image_.content(), "other:3"));
  // A name that isn't there: nothing is removed.
  EXPECT_FALSE(run(add_rmi, {"app", "other:3"}));
  EXPECT_TRUE(find_image(image_.content(), "app").has_value());
  EXPECT_EQ(must(run(add_rmi, {id()})), "Untagged: example.org/team/app:1.2\nUntagged: app:latest\n");
  EXPECT_EQ(run(add_tag, {"app", "a@sha256:" + id()}).error().kind, ErrorKind::kUsage);
}

TEST_F(ImageVerbs, SaveWritesTheFormatsAskedFor) {
  const std::string file = image_.directory() / "with \"quotes\", and commas.tar";
  must(run(add_save, {"app", "-o", file}));
  const Json manifest = Json::parse(exporter::output_of({"tar", "-xOf", file, "manifest.json"}));
  EXPECT_EQ(manifest.at(0).at("RepoTags"), Json::array({"app:latest"}));
  must(run(add_save, {"app", "-o", file, "--format", "oci-archive"}));
  EXPECT_THAT(exporter::output_of({"tar", "-tf", file}), testing::Not(HasSubstr("manifest.json")));
  must(run(add_save, {id(), "-o", image_.directory() / "layout", "--format", "oci-dir"}));
  const Json index = Json::parse(must(os::read_file(image_.directory() / "layout/index.json")));
  EXPECT_EQ(index.at("manifests").size(), 2U);
  EXPECT_EQ(run(add_save, {"app", "-o", file, "--compression", "gzp"}).error().kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace pgstrata::cli
