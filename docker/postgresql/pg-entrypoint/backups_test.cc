// Backups with a pgBackRest that says what a test wants.
#include "backups.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace pg_entrypoint {
namespace {

constexpr const char* kNone =
    R"([{"backup":[],"name":"default","repo":[{"key":1,"status":{"code":2,"message":"no valid backups"}}],)"
    R"("status":{"code":2,"lock":{"backup":{"held":false}},"message":"no valid backups"}}])";
/// With exit code 0 (pgBackRest 2.45, no network).
constexpr const char* kUnreadable =
    R"([{"archive":[],"backup":[],"name":"default","repo":[{"cipher":"none","key":1,"status":{"code":99,)"
    R"("message":"[HostConnectError] unable to get address"}}],"status":{"code":99,"message":"other"}}])";

class BackupsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "backups-XXXXXX";
    folder_ = mkdtemp(name.data());
    write("pgbackrest", "#!/bin/sh\ncat " + folder_ + "/info\n");
    chmod((folder_ + "/pgbackrest").c_str(), 0755);
    options_.scripts.set("PATH", folder_ + ":/usr/bin:/bin");
    options_.backup.emplace();
    options_.backup->full_every = std::chrono::hours(168);
    sigemptyset(&mask_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }

  void advance(bool in_recovery = false) {
    ServerFacts facts;
    facts.in_recovery = in_recovery;
    now_ += std::chrono::hours(2);
    backups_.advance(now_, facts, mask_);
  }
  /// The look at the repository, which is a real process.
  void look(const std::string& info) {
    write("info", info);
    advance();
    ASSERT_GT(backups_.pid(), 0);
    int status = 0;
    ASSERT_EQ(waitpid(backups_.pid(), &status, 0), backups_.pid());
    EXPECT_TRUE(backups_.ended(backups_.pid(), WEXITSTATUS(status), now_));
  }
  void make_stanza() {
    advance();
    ASSERT_EQ(begun_, std::vector<std::string>{"stanza-create"});
    EXPECT_TRUE(backups_.ended(kChild, 0, now_));
    begun_.clear();
  }

  static constexpr pid_t kChild = 4'000'000;  // nobody's
  std::string folder_;
  Options options_;
  sigset_t mask_{};
  Clock::time_point now_ = Clock::now();
  std::vector<std::string> begun_;
  Backups backups_{options_, [this](const Command& command, const std::string&) {
                     for (const std::string& word : command.argv)
                       if (word == "stanza-create" || word == "backup") begun_.push_back(word);
                     return kChild;
                   }};
};

TEST_F(BackupsTest, WhatIsDueIsMade) {
  make_stanza();
  look(kNone);
  advance();
  EXPECT_EQ(begun_, std::vector<std::string>{"backup"});
}

// A full backup for each outage of the bucket, with the oldest one expired for it.
TEST_F(BackupsTest, ARepositoryThatCannotBeReadIsNoneWithoutBackups) {
  make_stanza();
  look(kUnreadable);
  EXPECT_EQ(backups_.health().failures, 1U);
  look(kNone);
  EXPECT_TRUE(begun_.empty());
}

TEST_F(BackupsTest, AfterAFailOverTheRepositoryIsLookedAtFirst) {
  make_stanza();
  look(kNone);
  advance(/*in_recovery=*/true);
  advance();  // the leader again
  EXPECT_TRUE(begun_.empty());
}

TEST(BackupInfo, SaysWhyThereIsNone) {
  EXPECT_EQ(why_no_backup_info(kUnreadable), "[HostConnectError] unable to get address");
  EXPECT_EQ(why_no_backup_info("ERROR: [055]: no\n       HINT: is it there?\n"),
            "ERROR: [055]: no        HINT: is it there?");
}

}  // namespace
}  // namespace pg_entrypoint
