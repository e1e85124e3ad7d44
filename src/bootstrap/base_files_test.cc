#include "bootstrap/base_files.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "os/file.h"
#include "os/process.h"

namespace pgstrata::bootstrap {
namespace {

using testing::HasSubstr;
using testing::Not;

/// The hooks run by a real shell on a directory that looks like mmdebstrap's.
class Hooks : public testing::Test {
 protected:
  Hooks() {
    std::string pattern = testing::TempDir() + "hooks it's.XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    for (const auto* directory :
         {"etc/apt/apt.conf.d", "etc/apt/sources.list.d", "etc/dpkg/dpkg.cfg.d", "usr/sbin",
          "usr/share/doc/bash", "usr/share/doc/empty", "usr/share/man/man1", "usr/share/locale/de",
          "var/log/apt", "var/cache/debconf", "var/lib/dpkg", "var/lib/apt/lists/partial",
          "var/cache/apt/archives/partial"})
      EXPECT_TRUE(os::make_directories(root_ + "/" + directory));
    for (const auto* file : {"etc/apt/sources.list",
                             "etc/apt/sources.list.d/0000debian.sources",
                             "etc/apt/apt.conf.d/99mmdebstrap",
                             "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
                             "etc/resolv.conf",
                             "etc/hostname",
                             "etc/machine-id",
                             "etc/shadow-",
                             "var/log/dpkg.log",
                             "var/log/apt/history.log",
                             "var/log/wtmp",
                             "var/cache/debconf/config.dat-old",
                             "var/lib/dpkg/status-old",
                             "var/lib/dpkg/status",
                             "etc/passwd",
                             "usr/share/doc/bash/copyright",
                             "usr/share/doc/bash/README",
                             "usr/share/man/man1/bash.1.gz",
                             "usr/share/locale/de/x.mo",
                             "usr/share/locale/locale.alias"})
      write(file, "http://mirror.example.org\n");
  }
  ~Hooks() override { static_cast<void>(os::remove_tree(root_)); }
  Hooks(const Hooks&) = delete;
  Hooks& operator=(const Hooks&) = delete;

  void write(const std::string& path, std::string_view text) const {
    EXPECT_TRUE(os::write_file(root_ + "/" + path, text));
  }
  void run(const std::string& script) const {
    const auto result =
        os::capture({.argv = {"sh", "-c", script, "hook", root_}, .env = {"PATH=/usr/bin:/bin"}});
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_TRUE(os::succeeded(result->status)) << result->err;
  }
  [[nodiscard]] bool has(const std::string& path) const { return os::exists(root_ + "/" + path); }
  [[nodiscard]] std::string read(const std::string& path) const {
    return os::read_file(root_ + "/" + path).value_or("(none)");
  }

  std::string root_;
};

TEST_F(Hooks, SetupGivesAptTheMachinesSettingsAndCustomizeTakesThemAway) {
  run(setup_script(false, {{"Acquire::http::Proxy", "http://proxy.example.org/it's"}}));
  EXPECT_THAT(read("etc/apt/apt.conf.d/00pgstrata"),
              HasSubstr("Acquire::http::Proxy \"http://proxy.example.org/it's\";\n"));
  EXPECT_FALSE(has("etc/dpkg/dpkg.cfg.d/docker"));
  run(customize_script(false));
  EXPECT_FALSE(has("etc/apt/apt.conf.d/00pgstrata"));
}

TEST_F(Hooks, NothingOfTheMachineOrTheMirrorStays) {
  run(customize_script(false));
  for (const auto* path :
       {"etc/apt/sources.list", "etc/apt/sources.list.d/0000debian.sources",
        "etc/apt/apt.conf.d/99mmdebstrap", "etc/dpkg/dpkg.cfg.d/99mmdebstrap", "etc/resolv.conf",
        "etc/hostname", "etc/shadow-", "var/log/dpkg.log", "var/log/apt/history.log",
        "var/cache/debconf/config.dat-old", "var/lib/dpkg/status-old",
        "var/lib/apt/lists/mirror.example.org_InRelease", "var/cache/apt/archives/bash_1_amd64.deb"})
    EXPECT_FALSE(has(path)) << path;
  EXPECT_EQ(read("etc/machine-id"), "");
  EXPECT_TRUE(has("var/log/wtmp"));
  EXPECT_TRUE(has("var/lib/dpkg/status"));
  EXPECT_TRUE(has("usr/share/man/man1/bash.1.gz"));
  const std::string sources = read("etc/apt/sources.list.d/debian.sources");
  EXPECT_EQ(sources.front(), '#');
  EXPECT_EQ(sources.find('\n'), sources.size() - 1);
  EXPECT_THAT(sources, Not(HasSubstr("://")));
}

// bullseye's _apt is 100, that of later releases 42: apt in the image couldn't use the other one's.
TEST_F(Hooks, AptsFoldersBelongToTheUserOfTheImage) {
  const uid_t user = ::geteuid() == 0 ? 100 : ::geteuid();  // a plain user can give files to nobody else
  write("etc/passwd",
        fmt::format("root:x:0:0::/:/bin/sh\n_apt:x:{}:65534::/nonexistent:/bin/false\n", user));
  run(customize_script(false));
  struct stat status {};
  ASSERT_EQ(::stat((root_ + "/var/lib/apt/lists/partial").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, user);
}

TEST_F(Hooks, BaseFilesAreThoseOfDebiansImages) {
  run(customize_script(false));
  struct stat status {};
  ASSERT_EQ(::stat((root_ + "/usr/sbin/policy-rc.d").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0755U);
  EXPECT_THAT(read("usr/sbin/policy-rc.d"), HasSubstr("\nexit 101\n"));
  for (const auto* name :
       {"docker-clean", "docker-gzip-indexes", "docker-no-languages", "docker-autoremove-suggests"})
    EXPECT_TRUE(has(std::string("etc/apt/apt.conf.d/") + name)) << name;
  EXPECT_THAT(read("etc/dpkg/dpkg.cfg.d/docker-apt-speedup"), HasSubstr("\nforce-unsafe-io\n"));
}

TEST_F(Hooks, SlimLeavesDocumentationOutNowAndLater) {
  run(setup_script(true, {}));
  EXPECT_THAT(read("etc/dpkg/dpkg.cfg.d/docker"), HasSubstr("\npath-exclude=/usr/share/man/*\n"));
  run(customize_script(true));
  EXPECT_THAT(read("etc/dpkg/dpkg.cfg.d/docker"), HasSubstr("\npath-include=/usr/share/doc/*/copyright\n"));
  for (const auto* path :
       {"usr/share/doc/bash/README", "usr/share/doc/empty", "usr/share/man/man1", "usr/share/locale/de"})
    EXPECT_FALSE(has(path)) << path;
  EXPECT_TRUE(has("usr/share/doc/bash/copyright"));
  EXPECT_TRUE(has("usr/share/locale/locale.alias"));
  EXPECT_TRUE(has("usr/share/man"));
}

TEST(ShellQuote, KeepsOneWord) {
  EXPECT_EQ(shell_quote("it's $HOME"), "'it'\\''s $HOME'");
  EXPECT_EQ(shell_quote(""), "''");
}

}  // namespace
}  // namespace pgstrata::bootstrap
