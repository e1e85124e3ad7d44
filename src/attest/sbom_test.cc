#include "attest/sbom.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "filetree/fake_file_tree.h"

namespace pgstrata::attest {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

class Sbom : public testing::Test {
 protected:
  void directories(std::initializer_list<const char*> paths) {
    for (const char* path : paths) root_.directory(path);
  }
  Json made() {
    const auto json = sbom_json(root_, {.name = "team/app:1",
                                        .version = "sha256:00",
                                        .created = "2026-01-02T03:04:05.678Z",
                                        .tool = "pgstrata-1"});
    if (!json) ADD_FAILURE() << json.error().message();
    return json ? Json::parse(*json) : Json();
  }
  filetree::FakeFileTree root_;
};

TEST_F(Sbom, FollowsLinksAndReadsTheDistribution) {
  directories({"etc", "usr", "usr/lib", "var", "var/lib", "var/lib/dpkg"});
  root_.symlink("etc/os-release", "../usr/lib/os-release");
  root_.file("usr/lib/os-release", "ID=ubuntu\nVERSION_ID=\"24.04\"\nPRETTY_NAME=U\n");
  root_.file("var/lib/dpkg/status", "Package: a\nVersion: 1\nArchitecture: amd64\n");
  const Json document = made();
  EXPECT_EQ(document.at("packages").at(1).at("externalRefs").at(0).at("referenceLocator"),
            "pkg:deb/ubuntu/a@1?arch=amd64&distro=ubuntu-24.04");
  EXPECT_EQ(document.at("packages").at(0).at("sourceInfo"), "U");
  EXPECT_EQ(document.at("creationInfo").at("created"), "2026-01-02T03:04:05Z");
  EXPECT_EQ(document.at("documentNamespace").get<std::string>().find('#'), std::string::npos);
}

TEST_F(Sbom, DistrolessHasAFileForEachPackage) {
  directories({"var", "var/lib", "var/lib/dpkg", "var/lib/dpkg/status.d"});
  root_.file("var/lib/dpkg/status.d/base", "Package: base-files\nVersion: 12\nArchitecture: amd64\n");
  root_.file("var/lib/dpkg/status.d/base.md5sums", "Package: no\nVersion: 1\n");
  root_.file("var/lib/dpkg/status.d/tz", "Package: tzdata\nVersion: 2\nArchitecture: all\n");
  const Json document = made();
  ASSERT_EQ(document.at("packages").size(), 3U);
  EXPECT_EQ(document.at("packages").at(1).at("name"), "base-files");
  EXPECT_EQ(document.at("packages").at(2).at("externalRefs").at(0).at("referenceLocator"),
            "pkg:deb/debian/tzdata@2?arch=all");
}

TEST_F(Sbom, AlpineSaysLicences) {
  directories({"lib", "lib/apk", "lib/apk/db"});
  root_.file("lib/apk/db/installed", "P:a\nV:1\nA:x86_64\nL:MIT\n\nP:b\nV:1\nA:x86_64\nL:custom\n");
  const Json document = made();
  EXPECT_EQ(document.at("packages").at(1).at("licenseDeclared"), "MIT");
  EXPECT_EQ(document.at("packages").at(2).at("licenseDeclared"), "NOASSERTION");
  EXPECT_THAT(document.at("packages").at(2).at("licenseComments"), HasSubstr("custom"));
}

TEST_F(Sbom, IdsAreValidAndUnique) {
  directories({"var", "var/lib", "var/lib/dpkg"});
  root_.file("var/lib/dpkg/status",
             "Package: a+\nVersion: 1\n\nPackage: a_\nVersion: 1\n\nPackage: a+\nVersion: 1\n");
  const Json document = made();
  ASSERT_EQ(document.at("packages").size(), 3U);  // the same one twice is one
  EXPECT_EQ(document.at("packages").at(1).at("SPDXID"), "SPDXRef-deb-a--");
  EXPECT_EQ(document.at("packages").at(2).at("SPDXID"), "SPDXRef-deb-a---2");
  EXPECT_EQ(document.at("relationships").at(2).at("relatedSpdxElement"), "SPDXRef-deb-a---2");
}

TEST_F(Sbom, SaysWhatIsNotKnown) {
  EXPECT_THAT(made().at("comment"), HasSubstr("No package database"));
  directories({"var", "var/lib", "var/lib/rpm", "var/lib/dpkg", "usr", "usr/share", "usr/share/sbom"});
  root_.file("var/lib/rpm/rpmdb.sqlite", "x");
  root_.file("usr/share/sbom/own.spdx.json", "{}");
  root_.file("var/lib/dpkg/status", "").size = kLargestDatabase + 1;
  const std::string comment = made().at("comment");
  EXPECT_THAT(comment, HasSubstr("/var/lib/rpm (rpm's databases aren't read)"));
  EXPECT_THAT(comment, HasSubstr("/usr/share/sbom/own.spdx.json"));
  EXPECT_THAT(comment, HasSubstr("/var/lib/dpkg/status (it has 67108865 bytes)"));
}

TEST_F(Sbom, LinksThatGoInACircleAreNoDatabase) {
  directories({"var", "var/lib"});
  root_.symlink("var/lib/dpkg", "dpkg");
  EXPECT_EQ(made().at("packages").size(), 1U);
}

}  // namespace
}  // namespace pgstrata::attest
