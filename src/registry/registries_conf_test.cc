#include "registry/registries_conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgstrata::registry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

RegistriesConf conf_of(std::string_view toml) {
  auto conf = RegistriesConf::parse(toml, "registries.conf");
  EXPECT_TRUE(conf) << conf.error().message();
  return conf ? *std::move(conf) : RegistriesConf();
}

oci::Reference name_of(const std::string& text) { return *oci::Reference::parse(text); }

std::vector<Place> read(const RegistriesConf& conf, const std::string& name) {
  const auto places = conf.read_places(name_of(name));
  EXPECT_TRUE(places) << places.error().message();
  return places ? *places : std::vector<Place>();
}

/// Where the image is read, as people write it: "host/path", with "!" behind it if it is called insecure.
std::vector<std::string> in_words(const RegistriesConf& conf, const std::string& name) {
  std::vector<std::string> words;
  for (const Place& place : read(conf, name))
    words.push_back(place.domain + "/" + place.path + (place.insecure.value_or(false) ? "!" : ""));
  return words;
}

std::string problem(std::string_view toml) {
  const auto conf = RegistriesConf::parse(toml, "registries.conf");
  return conf ? "none" : conf.error().message();
}

const std::string kDigest = "@sha256:" + std::string(64, 'a');

TEST(RegistriesConf, WithoutAnEntryAnImageIsWhereItsNameSays) {
  EXPECT_THAT(in_words(RegistriesConf(), "debian"), ElementsAre("docker.io/library/debian"));
  EXPECT_THAT(
      in_words(
          conf_of("unqualified-search-registries = [\"quay.io\"]\n[aliases]\n\"debian\" = \"x.y/z\"\n"),
          "debian"),
      ElementsAre("docker.io/library/debian"));
}

TEST(RegistriesConf, MirrorsInTheirOrderAndThenTheLocation) {
  // The example of the manual page.
  const RegistriesConf conf = conf_of(R"(
    [[registry]]
    prefix = "example.com/foo"
    insecure = false
    blocked = false
    location = "internal-registry-for-example.com/bar"
    [[registry.mirror]]
    location = "example-mirror-0.local/mirror-for-foo"
    [[registry.mirror]]
    location = "example-mirror-1.local/mirrors/foo"
    insecure = true
    [[registry]]
    location = "registry.com"
    [[registry.mirror]]
    location = "mirror.registry.com"
  )");
  EXPECT_THAT(in_words(conf, "example.com/foo/image:latest"),
              ElementsAre("example-mirror-0.local/mirror-for-foo/image",
                          "example-mirror-1.local/mirrors/foo/image!",
                          "internal-registry-for-example.com/bar/image"));
  EXPECT_THAT(in_words(conf, "registry.com/image:latest"),
              ElementsAre("mirror.registry.com/image", "registry.com/image"));
}

TEST(RegistriesConf, DockerHubByItsName) {
  const RegistriesConf conf = conf_of(
      "[[registry]]\nprefix = \"docker.io\"\n[[registry.mirror]]\nlocation = \"m.example:5000/hub/\"\n");
  EXPECT_THAT(in_words(conf, "debian:bookworm"),
              ElementsAre("m.example:5000/hub/library/debian", "docker.io/library/debian"));
}

TEST(RegistriesConf, PrefixesAreWholeWords) {
  const RegistriesConf conf = conf_of(R"(
    [[registry]]
    prefix = "a.example/b"
    location = "x.example/y"
    [[registry]]
    prefix = "a.example/t:1"
    location = "x.example/tagged"
    [[registry]]
    prefix = "h.example"
    location = "x.example/h"
  )");
  EXPECT_THAT(in_words(conf, "a.example/b/c"), ElementsAre("x.example/y/c"));
  EXPECT_THAT(in_words(conf, "a.example/b:1"), ElementsAre("x.example/y"));
  EXPECT_THAT(in_words(conf, "a.example/b" + kDigest), ElementsAre("x.example/y"));
  EXPECT_THAT(in_words(conf, "a.example/bc"), ElementsAre("a.example/bc"));
  EXPECT_THAT(in_words(conf, "a.example/t:1"), ElementsAre("x.example/tagged"));
  EXPECT_THAT(in_words(conf, "a.example/t:12"), ElementsAre("a.example/t"));
  EXPECT_THAT(in_words(conf, "h.example/i"), ElementsAre("x.example/h/i"));
  EXPECT_THAT(in_words(conf, "h.example:5000/i"), ElementsAre("h.example:5000/i")) << "another registry";
}

TEST(RegistriesConf, TheLongestPrefixCountsAlone) {
  const RegistriesConf conf = conf_of(R"(
    [[registry]]
    prefix = "a.example"
    location = "short.example"
    [[registry.mirror]]
    location = "mirror.example"
    [[registry]]
    prefix = "a.example/b/c"
    location = "long.example"
    [[registry]]
    prefix = "*.example"
    location = "any.example"
  )");
  EXPECT_THAT(in_words(conf, "a.example/b/c/d"), ElementsAre("long.example/d"));
  EXPECT_THAT(in_words(conf, "a.example/b/d"), ElementsAre("mirror.example/b/d", "short.example/b/d"));
}

TEST(RegistriesConf, AWildcardIsForTheHostsBelow) {
  const RegistriesConf conf = conf_of(R"(
    [[registry]]
    prefix = "*.corp.example"
    insecure = true
    [[registry.mirror]]
    location = "mirror.example"
  )");
  EXPECT_THAT(in_words(conf, "a.corp.example/x"), ElementsAre("mirror.example/x", "a.corp.example/x!"));
  EXPECT_THAT(in_words(conf, "a.b.corp.example/x"), ElementsAre("mirror.example/x", "a.b.corp.example/x!"));
  EXPECT_THAT(in_words(conf, "a.corp.example:5000/x"),
              ElementsAre("mirror.example:5000/x", "a.corp.example:5000/x!"));
  EXPECT_EQ(read(conf, "a.corp.example.corp.example/x").size(), 2U);
  EXPECT_THAT(in_words(conf, "corp.example/x"), ElementsAre("corp.example/x"));
  EXPECT_THAT(in_words(conf, "a.corp.example.evil/x"), ElementsAre("a.corp.example.evil/x"));
  EXPECT_THAT(in_words(conf, "evil.net/x.corp.example"), ElementsAre("evil.net/x.corp.example"));
}

TEST(RegistriesConf, MirrorsForTagsAndForDigests) {
  const RegistriesConf conf = conf_of(R"(
    [[registry]]
    location = "a.example"
    [[registry.mirror]]
    location = "digests.example"
    pull-from-mirror = "digest-only"
    [[registry.mirror]]
    location = "tags.example"
    pull-from-mirror = "tag-only"
    [[registry.mirror]]
    location = "all.example"
    pull-from-mirror = "all"
    [[registry]]
    location = "b.example"
    mirror-by-digest-only = true
    [[registry.mirror]]
    location = "m.example"
  )");
  EXPECT_THAT(in_words(conf, "a.example/x:1"),
              ElementsAre("tags.example/x", "all.example/x", "a.example/x"));
  EXPECT_THAT(in_words(conf, "a.example/x" + kDigest),
              ElementsAre("digests.example/x", "all.example/x", "a.example/x"));
  EXPECT_THAT(in_words(conf, "b.example/x:1"), ElementsAre("b.example/x"));
  EXPECT_THAT(in_words(conf, "b.example/x" + kDigest), ElementsAre("m.example/x", "b.example/x"));
}

TEST(RegistriesConf, BlockedIsNeitherReadNorWritten) {
  const RegistriesConf conf = conf_of(
      "\n[[registry]]\nlocation = \"a.example\"\nblocked = true\n[[registry.mirror]]\nlocation = "
      "\"m.example\"\n");
  const auto places = conf.read_places(name_of("a.example/x"));
  ASSERT_FALSE(places);
  EXPECT_EQ(places.error().kind, ErrorKind::kBuildFailed);
  EXPECT_EQ(places.error().message(),
            "registries.conf:2: a.example/x:latest is blocked on this machine: blocked = true");
  EXPECT_FALSE(conf.write_place(name_of("a.example/x")));
  EXPECT_TRUE(conf.write_place(name_of("b.example/x")));
}

TEST(RegistriesConf, WritesWhereTheNameSays) {
  const RegistriesConf conf = conf_of(R"(
    [[registry]]
    prefix = "a.example"
    location = "b.example/c"
    insecure = true
    [[registry.mirror]]
    location = "m.example"
    [[registry]]
    location = "i.example"
    insecure = true
  )");
  EXPECT_EQ(*conf.write_place(name_of("a.example/x")),
            (Place{.domain = "a.example", .path = "x", .insecure = {}}))
      << "that b.example is insecure says nothing of a.example";
  EXPECT_EQ(*conf.write_place(name_of("i.example/x")),
            (Place{.domain = "i.example", .path = "x", .insecure = true}));
}

TEST(RegistriesConf, ALocationThatMakesNoNameOfIt) {
  const auto places = conf_of("[[registry]]\nprefix = \"a.example\"\nlocation = \"single\"\n")
                          .read_places(name_of("a.example/x"));
  ASSERT_FALSE(places);
  EXPECT_EQ(places.error().kind, ErrorKind::kUsage);
  EXPECT_THAT(places.error().message(), HasSubstr("registries.conf:1: \"single\" makes no name"));
  EXPECT_FALSE(conf_of("[[registry]]\nprefix = \"a.example/b\"\nlocation = \"x.example\"\n")
                   .read_places(name_of("a.example/b")))
      << "x.example:latest is a host and no repository";
}

TEST(RegistriesConf, ALaterFileStandsBeforeAnEarlierOne) {
  RegistriesConf conf = conf_of(
      "[[registry]]\nlocation = \"a.example\"\ninsecure = true\n[[registry]]\nlocation = "
      "\"b.example\"\ninsecure = true\n");
  conf.add(conf_of("[[registry]]\nprefix = \"a.example\"\nlocation = \"c.example\"\n"));
  EXPECT_THAT(in_words(conf, "a.example/x"), ElementsAre("c.example/x"));
  EXPECT_THAT(in_words(conf, "b.example/x"), ElementsAre("b.example/x!"));
}

TEST(RegistriesConf, ProblemsNameFileAndLine) {
  EXPECT_THAT(problem("[[registry]]\nlocation = \n"),
              HasSubstr("registries.conf:2: not a valid registries.conf"));
  EXPECT_THAT(problem("[[registry]]\nlocation = 5\n"),
              HasSubstr(":2: not a valid registries.conf: location isn't a text"));
  EXPECT_THAT(problem("\n[[registry]]\nlocation = \"a.b\"\ninsecure = \"true\"\n"),
              HasSubstr(":4: not a valid registries.conf: insecure isn't true or false"));
  EXPECT_THAT(problem("[[registry]]\nlocation = \"a.b\"\nblocked = 1\n"), HasSubstr(":3:"));
  EXPECT_THAT(problem("\n[[registry]]\ninsecure = true\n"),
              HasSubstr(":2: not a valid registries.conf: a registry has neither"));
  EXPECT_THAT(problem("[[registry]]\nlocation = \"https://a.b\"\n"), HasSubstr("takes no scheme"));
  EXPECT_THAT(problem("[[registry]]\nprefix = \"a.*.b\"\nlocation = \"c.d\"\n"), HasSubstr("is no prefix"));
  EXPECT_THAT(problem("[[registry]]\nprefix = \"*.b/c\"\n"), HasSubstr("is no prefix"));
  EXPECT_THAT(problem("[registry]\nlocation = \"a.b\"\n"), HasSubstr("isn't an array of tables"));
  EXPECT_THAT(problem("registry = [1]\n"), HasSubstr("more than tables"));
  EXPECT_THAT(problem("[[registry]]\nlocation = \"a.b\"\n[[registry.mirror]]\ninsecure = true\n"),
              HasSubstr(":3: not a valid registries.conf: a mirror has no location"));
  EXPECT_THAT(problem("[[registry]]\nlocation = \"a.b\"\n[[registry.mirror]]\nlocation = "
                      "\"c.d\"\npull-from-mirror = \"x\"\n"),
              HasSubstr(":5: not a valid registries.conf: there is no \"x\""));
  EXPECT_THAT(
      problem("[[registry]]\nlocation = \"a.b\"\nmirror-by-digest-only = true\n[[registry.mirror]]\n"
              "location = \"c.d\"\npull-from-mirror = \"all\"\n"),
      HasSubstr(":6:"));
}

TEST(RegistriesConf, Version1IsToldFromNothing) {
  EXPECT_EQ(
      problem("[registries.search]\nregistries = [\"quay.io\"]\n[registries.insecure]\nregistries = []\n"),
      "none");
  EXPECT_THAT(problem("[registries.block]\nregistries = [\"a.b\"]\n"),
              HasSubstr("registries.block is of version 1"));
}

}  // namespace
}  // namespace pgstrata::registry
