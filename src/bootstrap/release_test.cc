#include "bootstrap/release.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "os/file.h"

namespace pgstrata::bootstrap {
namespace {

constexpr std::string_view kRelease =
    "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
    "Origin: Debian\nSuite: oldstable\nCodename: bookworm\n"
    "Date: Sat, 11 Jul 2026 10:16:37 UTC\nValid-Until: Sat, 18 Jul 2026 10:16:37 UTC\n"
    "Description: Codename: none\n";

TEST(Release, HasACodenameAndADate) {
  const auto release = parse_release(kRelease);
  ASSERT_TRUE(release);
  EXPECT_EQ(release->origin, "Debian");
  EXPECT_EQ(release->codename, "bookworm");
  EXPECT_EQ(release->date, 1783764997);  // date -u -d '2026-07-11 10:16:37' +%s
}

TEST(Release, IsRefusedWithoutThem) {
  for (const auto* text :
       {"", "<html>captive portal</html>", "Codename: sid\n", "Date: Sat, 11 Jul 2026 10:16:37 UTC\n",
        "Codename: sid\nDate: yesterday\n", "Codename: sid\nDate: Sat, 11 Jul 2026 10:16:37 CET\n"}) {
    const auto release = parse_release(text);
    ASSERT_FALSE(release) << text;
    EXPECT_EQ(release.error().kind, ErrorKind::kCorrupt);
  }
}

class FetchRelease : public testing::Test {
 protected:
  FetchRelease() {
    if (!os::exists("/usr/lib/apt/apt-helper")) return;
    std::string pattern = testing::TempDir() + "release.XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    // apt-helper copies from a file: archive as from any other.
    static_cast<void>(os::make_directories(directory_ + "/mirror/dists/bookworm"));
    static_cast<void>(os::write_file(directory_ + "/mirror/dists/bookworm/InRelease", kRelease));
  }
  ~FetchRelease() override { static_cast<void>(os::remove_tree(directory_)); }
  FetchRelease(const FetchRelease&) = delete;
  FetchRelease& operator=(const FetchRelease&) = delete;
  void SetUp() override {
    if (directory_.empty()) GTEST_SKIP() << "this machine has no apt";
  }
  [[nodiscard]] AptSource source(std::string suite) const {
    return {.mirror = {.uri = "copy:" + directory_ + "/mirror"}, .suite = std::move(suite)};
  }

  std::string directory_;
};

TEST_F(FetchRelease, ReadsWhatTheMirrorHas) {
  const auto release = fetch_release(source("bookworm"), {}, directory_, {});
  ASSERT_TRUE(release) << release.error().message() << release.error().detail;
  ASSERT_TRUE(release->has_value());
  EXPECT_EQ((*release)->codename, "bookworm");
}

TEST_F(FetchRelease, ASuiteThatTheMirrorHasNotIsNoError) {
  const auto release = fetch_release(source("trixie"), {}, directory_, {});
  ASSERT_TRUE(release) << release.error().message() << release.error().detail;
  EXPECT_FALSE(release->has_value());
}

TEST_F(FetchRelease, AMirrorThatCannotBeReachedIsTheMachinesError) {
  // Port 1 of the loopback interface: refused at once.
  const auto release =
      fetch_release({.mirror = {.uri = "http://127.0.0.1:1/debian"}, .suite = "bookworm"},
                    {{"Acquire::http::Proxy", "DIRECT"}, {"Acquire::Retries", "0"}}, directory_, {});
  ASSERT_FALSE(release);
  EXPECT_EQ(release.error().kind, ErrorKind::kMachine);
  EXPECT_EQ(release.error().where, "http://127.0.0.1:1/debian/dists/bookworm/InRelease");
}

}  // namespace
}  // namespace pgstrata::bootstrap
