#include "bootstrap/apt_sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "os/file.h"

namespace pgstrata::bootstrap {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(OneLineSources, ReadsOptionsSuitesAndComponents) {
  const auto entries = parse_one_line_sources(
      "# deb http://off.example.org/debian bookworm main\n"
      "deb-src http://m.example.org/debian bookworm main\n"
      "  deb [ arch=amd64 signed-by=/k.gpg trusted=yes ] http://m.example.org/debian/ bookworm main "
      "contrib # note\n"
      "deb\thttp://s.example.org/debian-security bookworm-security main\r\n"
      "deb [arch=amd64 http://broken.example.org x main\n"
      "debris http://x.example.org/debian bookworm main\n"
      "deb http://alone.example.org/debian\n");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_THAT(entries[0].uris, ElementsAre("http://m.example.org/debian/"));
  EXPECT_THAT(entries[0].suites, ElementsAre("bookworm"));
  EXPECT_THAT(entries[0].components, ElementsAre("main", "contrib"));
  EXPECT_EQ(entries[0].signed_by, "/k.gpg");
  EXPECT_TRUE(entries[0].trusted);
  EXPECT_THAT(entries[1].suites, ElementsAre("bookworm-security"));
  EXPECT_THAT(entries[1].components, ElementsAre("main"));
  EXPECT_FALSE(entries[1].trusted);
}

TEST(Deb822Sources, ReadsStanzas) {
  const auto entries = parse_deb822_sources(
      "# first\n"
      "types: deb deb-src\n"
      "URIs: http://m.example.org/debian\n"
      "# inside\n"
      "Suites: bookworm\n"
      "  bookworm-updates\n"
      "Components: main\n"
      "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
      "\n \t\n"
      "Types: deb\nEnabled: No\nURIs: http://off.example.org/debian\nSuites: sid\nComponents: main\n"
      "\n"
      "Types: deb-src\nURIs: http://src.example.org/debian\nSuites: sid\nComponents: main\n"
      "\n"
      "Types: deb\nURIs: http://last.example.org/debian\nSuites: sid\nComponents: main\nTrusted: yes");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_THAT(entries[0].suites, ElementsAre("bookworm", "bookworm-updates"));
  EXPECT_EQ(entries[0].signed_by, "/usr/share/keyrings/debian-archive-keyring.gpg");
  EXPECT_THAT(entries[1].uris, ElementsAre("http://last.example.org/debian"));
  EXPECT_TRUE(entries[1].trusted);
}

AptEntry entry(std::string uri, std::string suite, std::string signed_by = "",
               std::string component = "main") {
  return {.uris = {std::move(uri)},
          .suites = {std::move(suite)},
          .components = {std::move(component)},
          .signed_by = std::move(signed_by)};
}

TEST(DebianMirrors, AreToldFromVendorsRepositories) {
  const auto mirrors = find_debian_mirrors({
      entry("http://node.example.org/node", "nodistro"),
      entry("http://cloud.example.org/apt", "cloud-sdk-bookworm"),
      entry("http://pg.example.org/pub", "bookworm-pgdg"),
      entry("http://vendor.example.org/debian", "bookworm", "/usr/share/keyrings/vendor.gpg"),
      entry("http://docker.example.org/linux/debian", "bookworm", "", "stable"),
      entry("http://m.example.org/debian/", "bookworm-updates"),
      entry("http://s.example.org/debian-security", "bookworm-security", std::string(kDebianKeyring)),
  });
  ASSERT_TRUE(mirrors) << mirrors.error().message();
  EXPECT_EQ(mirrors->archive.uri, "http://m.example.org/debian");
  EXPECT_EQ(mirrors->security.uri, "http://s.example.org/debian-security");
}

TEST(DebianMirrors, PreferTheUsualPathOverAnUnsignedVendor) {
  const auto mirrors = find_debian_mirrors({entry("http://vendor.example.org/tools/apt", "bookworm"),
                                            entry("http://m.example.org/debian", "trixie"),
                                            entry("http://later.example.org/debian", "trixie"),
                                            entry("http://s.example.org/x", "bullseye/updates")});
  ASSERT_TRUE(mirrors);
  EXPECT_EQ(mirrors->archive.uri, "http://m.example.org/debian");
  EXPECT_EQ(mirrors->security.uri, "http://s.example.org/x");
}

TEST(DebianMirrors, SaysWhatToDoWhenThereIsNone) {
  const auto mirrors = find_debian_mirrors({entry("http://u.example.org/ubuntu", "noble")});
  ASSERT_FALSE(mirrors);
  EXPECT_EQ(mirrors.error().kind, ErrorKind::kMachine);
  EXPECT_THAT(mirrors.error().next, HasSubstr("PGSTRATA_APT_MIRROR"));
}

TEST(SourcesOf, AddsUpdatesAndSecurity) {
  const DebianMirrors mirrors{.archive = {.uri = "http://m.example.org/debian"},
                              .security = {.uri = "http://s.example.org/debian-security"}};
  EXPECT_EQ(
      deb822(sources_of(mirrors, "trixie").value()),
      "Types: deb\nURIs: http://m.example.org/debian\nSuites: trixie trixie-updates\nComponents: main\n"
      "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
      "\n"
      "Types: deb\nURIs: http://s.example.org/debian-security\nSuites: trixie-security\nComponents: main\n"
      "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n");
}

TEST(SourcesOf, SidHasNeither) {
  const DebianMirrors mirrors{.archive = {.uri = "http://m.example.org/debian", .trusted = true},
                              .security = {.uri = "http://s.example.org/debian-security"}};
  EXPECT_EQ(deb822(sources_of(mirrors, "sid").value()),
            "Types: deb\nURIs: http://m.example.org/debian\nSuites: sid\nComponents: main\nTrusted: yes\n");
}

TEST(SourcesOf, RefusesOtherSuites) {
  const auto sources = sources_of({.archive = {.uri = "http://m.example.org/debian"}}, "noble");
  ASSERT_FALSE(sources);
  EXPECT_EQ(sources.error().kind, ErrorKind::kUsage);
}

class SourcesFor : public testing::Test {
 protected:
  SourcesFor() {
    const char* old = std::getenv("PGSTRATA_APT_MIRROR");
    if (old != nullptr) saved_ = old;
    ::unsetenv("PGSTRATA_APT_MIRROR");
    std::string pattern = testing::TempDir() + "apt_sources.XXXXXX";
    etc_apt_ = ::mkdtemp(pattern.data());
  }
  ~SourcesFor() override {
    static_cast<void>(os::remove_tree(etc_apt_));
    if (saved_.empty()) {
      ::unsetenv("PGSTRATA_APT_MIRROR");
    } else {
      ::setenv("PGSTRATA_APT_MIRROR", saved_.c_str(), 1);
    }
  }
  SourcesFor(const SourcesFor&) = delete;
  SourcesFor& operator=(const SourcesFor&) = delete;

  void write(const std::string& name, std::string_view text) const {
    ASSERT_TRUE(os::make_directories(etc_apt_ + "/sources.list.d"));
    ASSERT_TRUE(os::write_file(etc_apt_ + "/" + name, text));
  }

  std::string etc_apt_;
  std::string saved_;
};

TEST_F(SourcesFor, ReadsBothFormatsAndNothingElse) {
  write("sources.list", "deb http://main.example.org/debian bookworm main\n");
  write("sources.list.d/b.sources",
        "Types: deb\nURIs: http://sec.example.org/debian-security\nSuites: bookworm-security\nComponents: "
        "main\n");
  write("sources.list.d/a.list.bak", "deb http://bak.example.org/debian bookworm main\n");
  const auto entries = read_apt_entries(etc_apt_);
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->size(), 2U);
  const auto text = sources_for("bullseye", etc_apt_);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text,
              HasSubstr("URIs: http://main.example.org/debian\nSuites: bullseye bullseye-updates\n"));
  EXPECT_THAT(*text,
              HasSubstr("URIs: http://sec.example.org/debian-security\nSuites: bullseye-security\n"));
}

TEST_F(SourcesFor, TheEnvironmentComesFirst) {
  write("sources.list", "deb http://main.example.org/debian bookworm main\n");
  ::setenv("PGSTRATA_APT_MIRROR", "http://own.example.org/debian/", 1);
  const auto text = sources_for("bookworm", etc_apt_);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("URIs: http://own.example.org/debian\n"));
  EXPECT_THAT(*text, HasSubstr("URIs: http://own.example.org/debian-security\n"));
  EXPECT_EQ(text->find("main.example.org"), std::string::npos);
}

TEST_F(SourcesFor, AMirrorThatIsNoUrlIsAUsageError) {
  ::setenv("PGSTRATA_APT_MIRROR", "http://own.example.org/debian\nTrusted: yes", 1);
  const auto text = sources_for("bookworm", etc_apt_);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind, ErrorKind::kUsage);
}

TEST_F(SourcesFor, AMachineWithoutAptHasNoEntries) {
  const auto entries = read_apt_entries(etc_apt_ + "/none");
  ASSERT_TRUE(entries);
  EXPECT_THAT(*entries, IsEmpty());
}

}  // namespace
}  // namespace pgstrata::bootstrap
