#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/reference.h"

namespace pgstrata::oci {
namespace {

ImageConfig sample() {
  ImageConfig image;
  image.created = "2026-01-02T03:04:05Z";
  image.platform = {"linux", "amd64", ""};
  image.config.user = "postgres";
  image.config.exposed_ports = {"5432/tcp"};
  image.config.env = {"PATH=/bin", "A=b=c"};
  image.config.entrypoint = {{"/pg-entrypoint"}};
  image.config.cmd = {{"postgres"}};
  image.config.volumes = {"/data"};
  image.config.labels = {{"k", "v"}};
  image.config.healthcheck = Healthcheck{.test = {"CMD", "x"}, .interval = 1'000'000'000, .retries = 3};
  image.diff_ids = {sha256("layer")};
  image.history = {{.created_by = "RUN x", .empty_layer = false},
                   {.created_by = "ENV A=b", .empty_layer = true}};
  return image;
}

TEST(ImageConfig, WhatIsWrittenIsReadBack) {
  const ImageConfig image = sample();
  EXPECT_EQ(ImageConfig::from_json(image.to_json()).value(), image);
}

TEST(ImageConfig, HasTheFieldNamesOfTheSpec) {
  const auto json = nlohmann::json::parse(sample().to_json());
  EXPECT_EQ(json["rootfs"]["type"], "layers");
  EXPECT_EQ(json["config"]["ExposedPorts"]["5432/tcp"], nlohmann::json::object());
  EXPECT_EQ(json["config"]["Healthcheck"]["Interval"], 1000000000);
  EXPECT_EQ(json["history"][1]["empty_layer"], true);
  EXPECT_FALSE(json["history"][0].contains("empty_layer"));
  EXPECT_FALSE(json["config"].contains("OnBuild"));
}

TEST(ImageConfig, AnEmptyCmdIsNotAMissingOne) {
  ImageConfig image = sample();
  image.config.cmd = std::vector<std::string>{};
  EXPECT_EQ(ImageConfig::from_json(image.to_json())->config.cmd, std::vector<std::string>{});
  image.config.cmd.reset();
  EXPECT_FALSE(ImageConfig::from_json(image.to_json())->config.cmd.has_value());
}

TEST(ImageConfig, WrongTypesAreNamed) {
  const auto failed = ImageConfig::from_json(R"({"config":{"User":5}})");
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(failed.error().why.find("User"), std::string::npos);
  for (const char* bad : {"", "[]", "{", R"({"rootfs":{"diff_ids":["x"]}})", R"({"history":[1]})"})
    EXPECT_FALSE(ImageConfig::from_json(bad).has_value()) << bad;
  EXPECT_FALSE(ImageConfig::from_json(std::string(100000, '[')).has_value());
}

TEST(ImageManifest, WhatIsWrittenIsReadBack) {
  ImageManifest manifest;
  manifest.config = {.media_type = std::string(media_type::kConfig), .digest = sha256("c"), .size = 1};
  manifest.layers = {{.media_type = std::string(media_type::kLayer), .digest = sha256("l"), .size = 2}};
  const auto read = ImageManifest::from_json(manifest.to_json());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->layers, manifest.layers);
  EXPECT_EQ(read->config, manifest.config);
  EXPECT_FALSE(ImageManifest::from_json(R"({"config":{"digest":"x","size":1}})").has_value());
  EXPECT_FALSE(ImageManifest::from_json(R"({"config":{"size":1}})").has_value());
}

TEST(Reference, IsNormalisedAsDockerDoes) {
  const auto full = [](const char* text) { return Reference::parse(text)->str(); };
  EXPECT_EQ(full("debian"), "docker.io/library/debian:latest");
  EXPECT_EQ(full("debian:bookworm-slim"), "docker.io/library/debian:bookworm-slim");
  EXPECT_EQ(full("user/app:1"), "docker.io/user/app:1");
  EXPECT_EQ(full("localhost/a"), "localhost/a:latest");
  EXPECT_EQ(full("127.0.0.1:5000/a/b"), "127.0.0.1:5000/a/b:latest");
  EXPECT_EQ(full("docker.io/debian"), "docker.io/library/debian:latest");
  EXPECT_EQ(full("index.docker.io/debian"), "docker.io/library/debian:latest");
  EXPECT_EQ(Reference::parse("docker.io/library/debian:x")->familiar(), "debian:x");
  EXPECT_EQ(full("index.docker.io/debian"), full("debian"));
  EXPECT_EQ(full("docker.io/debian"), full("debian"));
  EXPECT_EQ(Reference::parse("user/app")->familiar(), "user/app:latest");
  for (const char* bad : {"", "A", "a b", "a:", "a:b:c", "a@sha256:1", "-a", "a..b", "a/", "/a", "oci:/a/b",
                          "a_b.c/x", "a.-b/x", "localhost:80x/a"})
    EXPECT_FALSE(Reference::parse(bad).has_value()) << bad;
}

TEST(Platform, IsParsedAndNormalised) {
  EXPECT_EQ(Platform::parse("linux/x86_64")->str(), "linux/amd64");
  EXPECT_EQ(Platform::parse("linux/arm64/v8")->str(), "linux/arm64");
  EXPECT_EQ(Platform::parse("linux/arm")->str(), "linux/arm/v7");
  EXPECT_EQ(Platform::parse("linux/amd64/v1")->str(), "linux/amd64");
  EXPECT_FALSE(Platform::parse("linux/").has_value());
  EXPECT_FALSE(Platform::parse("linux/amd64,linux/arm64").has_value());
}

TEST(Platform, RunsTheImagesOfItsOlderVariants) {
  const auto runs = [](const char* host, const char* image) {
    return Platform::parse(host)->runs(*Platform::parse(image));
  };
  EXPECT_TRUE(runs("linux/amd64/v2", "linux/amd64"));
  EXPECT_FALSE(runs("linux/amd64", "linux/amd64/v2"));
  EXPECT_TRUE(runs("linux/arm/v7", "linux/arm/v6"));
  EXPECT_FALSE(runs("linux/arm64", "linux/amd64"));
}

TEST(FormatTime, IsRfc3339) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_time(1'700'000'000'500'000'000), "2023-11-14T22:13:20.5Z");
}

}  // namespace
}  // namespace pgstrata::oci
