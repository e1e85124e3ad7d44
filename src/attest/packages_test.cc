#include "attest/packages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attest/license.h"
#include "attest/purl.h"

namespace pgstrata::attest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> names(const std::vector<Package>& packages) {
  std::vector<std::string> found;
  for (const Package& package : packages) found.push_back(package.name);
  return found;
}

TEST(DpkgStatus, FieldsOfAnInstalledPackage) {
  // The order and the spelling of fields are free (deb822(5)); a source has its version in parentheses if
  // that is another one.
  EXPECT_THAT(parse_dpkg_status("version: 2.36-9+b1\nPackage: libc6\nStatus: install ok installed\n"
                                "Maintainer: A B <a@b>\nArchitecture: amd64\nSource: glibc (2.36-9)\n"
                                "Description: short\n Version: 9 of a long one\n"),
              ElementsAre(Package{.kind = PackageKind::kDebian,
                                  .name = "libc6",
                                  .version = "2.36-9+b1",
                                  .architecture = "amd64",
                                  .source = "glibc",
                                  .source_version = "2.36-9",
                                  .maintainer = "A B <a@b>",
                                  .license = ""}));
}

TEST(DpkgStatus, OnlyWhatIsInstalled) {
  EXPECT_THAT(names(parse_dpkg_status("Package: a\nVersion: 1\nStatus: hold ok installed\n\n"
                                      "Package: b\nVersion: 1\nStatus: deinstall ok config-files\n\n"
                                      "Package: c\nVersion: 1\nStatus: install ok half-installed\n\n \n"
                                      "Package: d\nVersion: 1\n")),  // status.d of distroless
              ElementsAre("a", "d"));
}

TEST(DpkgStatus, WhatIsNoDatabaseHasNoPackages) {
  EXPECT_THAT(parse_dpkg_status(""), IsEmpty());
  EXPECT_THAT(parse_dpkg_status("Package: without a version\n"), IsEmpty());
  EXPECT_THAT(parse_dpkg_status("Version: 1\n\n\n:\n: :\n"), IsEmpty());
  EXPECT_THAT(parse_dpkg_status("Package: a\x01\nVersion: 1\n"), IsEmpty());
  EXPECT_THAT(parse_dpkg_status("Version: 1\nPackage: " + std::string(5000, 'a')), IsEmpty());
}

TEST(ApkInstalled, FieldsAndFilesBetweenThem) {
  EXPECT_THAT(
      parse_apk_installed("C:Q1abc=\nP:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\no:musl\nm:T <t@x>\nF:lib\n"
                          "R:ld-musl.so\na:0:0:755\n\nP:only a name\n\nP:zlib\nV:1\n"),
      ElementsAre(Package{.kind = PackageKind::kAlpine,
                          .name = "musl",
                          .version = "1.2.4-r2",
                          .architecture = "x86_64",
                          .source = "musl",
                          .source_version = "",
                          .maintainer = "T <t@x>",
                          .license = "MIT"},
                  Package{.kind = PackageKind::kAlpine, .name = "zlib", .version = "1"}));
}

TEST(OsRelease, ValuesMayBeQuoted) {
  EXPECT_EQ(parse_os_release("# x\nID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME='A \"B\"'\nNAME\n"),
            (OsRelease{.id = "debian", .version_id = "12", .pretty_name = "A \"B\""}));
  EXPECT_EQ(parse_os_release("PRETTY_NAME=\"a\\\"b\"\n").pretty_name, "a\"b");
}

TEST(License, OnlyExpressionsOfWhatIsOnTheList) {
  for (const char* text : {"MIT", "GPL-2.0-or-later AND (MIT OR BSD-3-Clause)",
                           "Apache-2.0 WITH LLVM-exception", "LGPL-2.1-only AND MIT", "Artistic-1.0+"})
    EXPECT_TRUE(is_spdx_expression(text)) << text;
  for (const char* text : {"", "custom", "MIT,", "MIT MIT", "MIT AND", "(MIT", "MIT)", "()", "GPL",
                           "MIT WITH", "MIT WITH Apache-2.0", "AND", "+"})
    EXPECT_FALSE(is_spdx_expression(text)) << text;
}

TEST(Purl, IsEncodedAsThePurlSpecHasIt) {
  // The first is the purl-spec's own example of a Debian package (PURL-TYPES, "deb"), with its encoding.
  EXPECT_EQ(
      (PackageUrl{"deb", "debian", "curl", "7.50.3-1", {{"arch", "i386"}, {"distro", "jessie"}}}).str(),
      "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie");
  EXPECT_EQ((PackageUrl{"deb", "debian", "libstdc++6", "1:2~rc1+b1", {{"arch", ""}}}).str(),
            "pkg:deb/debian/libstdc%2B%2B6@1:2~rc1%2Bb1");
}

TEST(Purl, OfAnImageAsBuildKitWritesIt) {
  const auto name = oci::Reference::parse("debian:bookworm-slim").value();
  const oci::Platform platform{"linux", "arm64", "v8"};
  EXPECT_EQ(image_purl(name, std::nullopt, platform),
            "pkg:docker/debian@bookworm-slim?platform=linux%2Farm64%2Fv8");
  const oci::Digest digest = oci::sha256("x");
  EXPECT_EQ(
      image_purl(oci::Reference::parse("ghcr.io/team/app@" + digest.str()).value(), digest, std::nullopt),
      "pkg:docker/ghcr.io/team/app?digest=" + digest.str());
}

}  // namespace
}  // namespace pgstrata::attest
