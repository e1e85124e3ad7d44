#include "extensions.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pg_entrypoint {
namespace {

bool asks_about(const std::vector<ExtensionCheck>& checks, const std::string& extension) {
  return std::any_of(checks.begin(), checks.end(),
                     [&extension](const ExtensionCheck& check) { return check.extension == extension; });
}

TEST(Extensions, CitusIsPreloadedFirstAndTheMonitorLast) {
  EXPECT_EQ(preload_order({"pg_stat_monitor", "plpgsql", "pg_stat_statements", "citus_columnar", "citus"}),
            "citus,pg_stat_statements,pg_stat_monitor");
}

TEST(Extensions, WhatIsNotInstalledIsNotPreloaded) {
  EXPECT_EQ(preload_order({"pg_stat_monitor", "decoderbufs"}), "pg_stat_monitor");
  EXPECT_EQ(preload_order({"plpgsql"}), "");
}

TEST(Extensions, OnlyWhatIsInstalledIsAskedAbout) {
  EXPECT_TRUE(extension_checks({"plpgsql"}).empty());
  const auto checks = extension_checks({"citus", "decoderbufs"});
  EXPECT_TRUE(asks_about(checks, "preload"));
  EXPECT_TRUE(asks_about(checks, "citus"));
  EXPECT_TRUE(asks_about(checks, "decoderbufs"));
  EXPECT_FALSE(asks_about(checks, "pg_stat_monitor"));
  EXPECT_FALSE(asks_about(checks, "pg_stat_statements"));
}

TEST(Extensions, DecoderbufsNeedsNoPreload) {
  EXPECT_FALSE(asks_about(extension_checks({"decoderbufs"}), "preload"));
}

TEST(Extensions, NoTwoStatementsLookTheSameToStatistics) {
  std::set<std::string> statements;
  const auto checks = extension_checks({"citus", "pg_stat_statements", "pg_stat_monitor", "decoderbufs"});
  for (const ExtensionCheck& check : checks) EXPECT_TRUE(statements.insert(check.sql).second) << check.sql;
}

TEST(Extensions, ASlotOfTheCheckCannotOutliveIt) {
  for (const ExtensionCheck& check : extension_checks({"decoderbufs"})) {
    if (check.sql.find("pg_create_logical_replication_slot") == std::string::npos) continue;
    EXPECT_NE(check.sql.find("'decoderbufs', true)"), std::string::npos);
    return;
  }
  FAIL() << "no slot is made";
}

TEST(Extensions, WithoutAServerThereAreNoLibraries) {
  EXPECT_EQ(library_folder("/nonexistent/a:/nonexistent/b"), "");
  EXPECT_TRUE(installed_libraries("").empty());
}

}  // namespace
}  // namespace pg_entrypoint
