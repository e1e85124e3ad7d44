#include "bootstrap/bootstrap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "bootstrap/apt_sources.h"
#include "os/file.h"
#include "os/process.h"

namespace pgstrata::bootstrap {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(DpkgStatus, ListsInstalledPackages) {
  const auto packages = parse_dpkg_status(
      "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2.13\nDescription: "
      "x\n Version: no\n"
      "\n"
      "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n"
      "\n"
      "Package: apt\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.6.1\n");
  EXPECT_THAT(packages,
              ElementsAre(Package{"apt", "2.6.1", "amd64"}, Package{"zlib1g", "1:1.2.13", "amd64"}));
  EXPECT_THAT(parse_dpkg_status(""), IsEmpty());
}

class Bootstrap : public testing::Test {
 protected:
  Bootstrap() {
    std::string pattern = testing::TempDir() + "bootstrap.XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    ::chmod(directory_.c_str(), 0755);
  }
  ~Bootstrap() override {
    ::unsetenv("PGSTRATA_APT_MIRROR");
    static_cast<void>(os::remove_tree(directory_));
  }
  Bootstrap(const Bootstrap&) = delete;
  Bootstrap& operator=(const Bootstrap&) = delete;

  [[nodiscard]] std::string shell(const std::string& script) const {
    const auto result =
        os::capture({.argv = {"sh", "-c", script}, .env = os::environment_with({}), .cwd = directory_});
    EXPECT_TRUE(result);
    return result ? result->out + result->err : "";
  }

  std::string directory_;
};

TEST_F(Bootstrap, AMirrorWithoutTheSuiteIsNamed) {
  if (os::find_program("mmdebstrap", "/usr/bin").empty()) GTEST_SKIP() << "mmdebstrap is not installed";
  ::setenv("PGSTRATA_APT_MIRROR", ("copy:" + directory_ + "/empty").c_str(), 1);
  const auto base =
      bootstrap({.suite = "bookworm"}, {.output = directory_ + "/base.tar", .temporary = directory_}, {});
  ASSERT_FALSE(base);
  EXPECT_EQ(base.error().kind, ErrorKind::kMachine);
  EXPECT_THAT(base.error().where, HasSubstr("/empty/dists/bookworm/InRelease"));
  EXPECT_THAT(base.error().next, HasSubstr("PGSTRATA_APT_MIRROR"));
  EXPECT_EQ(shell("ls -A"), "");
}

TEST_F(Bootstrap, AMirrorThatIsNotDebiansIsRefused) {
  if (os::find_program("mmdebstrap", "/usr/bin").empty()) GTEST_SKIP() << "mmdebstrap is not installed";
  ASSERT_TRUE(os::make_directories(directory_ + "/m/dists/bookworm"));
  ASSERT_TRUE(os::write_file(directory_ + "/m/dists/bookworm/InRelease",
                             "Origin: Other\nCodename: bookworm\nDate: Sat, 11 Jul 2026 10:16:37 UTC\n"));
  ::setenv("PGSTRATA_APT_MIRROR", ("copy:" + directory_ + "/m").c_str(), 1);
  const auto base =
      bootstrap({.suite = "bookworm"}, {.output = directory_ + "/base.tar", .temporary = directory_}, {});
  ASSERT_FALSE(base);
  EXPECT_EQ(base.error().what, "the mirror is not one of Debian's archive");
  EXPECT_EQ(shell("ls -A"), "m\n");
}

/// The real thing takes a mirror and most of a minute: PGSTRATA_SLOW_TESTS=1 asks for it.
class RealBootstrap : public Bootstrap {
 protected:
  void SetUp() override {
    if (std::getenv("PGSTRATA_SLOW_TESTS") == nullptr) GTEST_SKIP() << "PGSTRATA_SLOW_TESTS is not set";
  }
};

TEST_F(RealBootstrap, IsReproducibleAndTellsNothingOfTheMirror) {
  std::string digests;
  for (const auto* name : {"a.tar", "b.tar"}) {
    const auto base =
        bootstrap({.suite = "bookworm", .slim = true},
                  {.output = directory_ + "/" + name, .package_cache = directory_ + "/cache"}, {});
    ASSERT_TRUE(base) << base.error().message() << "\n" << base.error().detail;
    EXPECT_EQ(base->name, "debian:bookworm-slim");
    EXPECT_GT(base->packages.size(), 60U);
    EXPECT_LT(base->packages.size(), 120U);
  }
  EXPECT_EQ(shell("cmp a.tar b.tar"), "");
  EXPECT_EQ(shell("ls; ls cache"), "a.tar\nb.tar\ncache\narchives\n");
  const auto mirrors = debian_mirrors();
  ASSERT_TRUE(mirrors);
  // Debian's own packages may name a mirror in their documentation; what the bootstrap wrote must not.
  ASSERT_TRUE(os::make_directories(directory_ + "/root"));
  EXPECT_EQ(
      shell("tar -xf a.tar -C root --exclude='./usr/share/*' --exclude='./usr/lib/*' --no-same-owner"), "");
  for (const auto& uri : {mirrors->archive.uri, mirrors->security.uri})
    if (!uri.empty()) {
      EXPECT_EQ(shell("grep -rF '" + uri + "' root"), "") << uri;
    }
  const std::string list = shell("tar -tf a.tar");
  for (const auto* path :
       {"./etc/hostname\n", "./etc/resolv.conf\n", "./var/log/dpkg.log\n", "./dev/null\n",
        "./etc/shadow-\n", "./var/cache/ldconfig/aux-cache\n", "./usr/share/man/man1/\n"})
    EXPECT_THAT(list, Not(HasSubstr(path)));
  EXPECT_THAT(list, HasSubstr("./bin\n"));  // a link: merged /usr
}

TEST_F(RealBootstrap, LeavesNothingWhenStopped) {
  std::stop_source stop;
  const auto base = bootstrap(
      {.suite = "bookworm"}, {.output = directory_ + "/a.tar", .temporary = directory_},
      [&stop](std::string_view line) {
        if (line.find("installing essential packages") != std::string_view::npos) stop.request_stop();
      },
      stop.get_token());
  ASSERT_FALSE(base);
  EXPECT_EQ(base.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(shell("ls -A"), "");
}

}  // namespace
}  // namespace pgstrata::bootstrap
