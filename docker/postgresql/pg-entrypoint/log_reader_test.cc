#include "log_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace pg_entrypoint {
namespace {

class LogReaderTest : public testing::Test {
 protected:
  LogReader reader(const std::string& component) {
    return {component, 7, [this](const LogEvent& event) { events_.push_back(event); }};
  }
  std::vector<LogEvent> events_;
};

TEST_F(LogReaderTest, PostgresLinesHaveTimeProcessLevelAndText) {
  LogReader lines = reader("postgres");
  lines.feed("2026-01-31 12:00:00.123 UTC [42] LOG:  database system is ready\n");
  lines.flush();
  ASSERT_EQ(events_.size(), 1U);
  const Record& record = events_[0].record;
  EXPECT_EQ(record.time, "2026-01-31 12:00:00.123");
  EXPECT_EQ(record.pid, 42);
  EXPECT_EQ(record.level, Level::kInfo);
  EXPECT_EQ(record.component, "postgres");
  EXPECT_EQ(record.message, "database system is ready");
}

TEST_F(LogReaderTest, APrefixOfOnesOwnStaysInTheMessage) {
  const auto record = parse_line("2026-01-31 12:00:00.123 UTC [42] joe@app FATAL:  no");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->level, Level::kFatal);
  EXPECT_EQ(record->message, "joe@app no");
}

TEST_F(LogReaderTest, DetailsAndFurtherLinesBelongToTheirEvent) {
  LogReader lines = reader("postgres");
  lines.feed(
      "2026-01-31 12:00:00.123 UTC [42] ERROR:  syntax error\n"
      "2026-01-31 12:00:00.123 UTC [42] STATEMENT:  SELECT\n\t  wrong\n"
      "2026-01-31 12:00:00.124 UTC [43] DETAIL:  of somebody else\n");
  lines.flush();
  ASSERT_EQ(events_.size(), 2U);
  EXPECT_EQ(events_[0].record.message, "syntax error\nSTATEMENT:  SELECT\n  wrong");
  EXPECT_EQ(events_[0].record.level, Level::kError);
  EXPECT_EQ(events_[0].verbatim,
            "2026-01-31 12:00:00.123 UTC [42] ERROR:  syntax error\n2026-01-31 12:00:00.123 UTC [42] "
            "STATEMENT:  SELECT\n\t  wrong");
}

TEST_F(LogReaderTest, PatroniAndItsPostgresShareOneStream) {
  LogReader lines = reader("patroni");
  lines.feed(
      "2026-01-31 12:00:00,123 INFO: no action. I am (a), the leader with the lock\n"
      "2026-01-31 12:00:00.456 UTC [9] WARNING:  x\n"
      "2026-01-31 12:00:00,789 ERROR: \nTraceback (most recent call last):\n  File \"x\", line 1\n");
  lines.finish();
  ASSERT_EQ(events_.size(), 3U);
  EXPECT_EQ(events_[0].record.component, "patroni");
  EXPECT_EQ(events_[0].record.time, "2026-01-31 12:00:00.123");
  EXPECT_EQ(events_[1].record.component, "postgres");
  EXPECT_EQ(events_[1].record.level, Level::kWarning);
  EXPECT_EQ(events_[2].record.message, "\nTraceback (most recent call last):\n  File \"x\", line 1");
}

TEST_F(LogReaderTest, PgBackRestLines) {
  const auto record =
      parse_line("2026-01-31 12:00:00.123 P00   INFO: backup command end: completed successfully");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->component, "pgbackrest");
  EXPECT_EQ(record->message, "backup command end: completed successfully");
}

TEST_F(LogReaderTest, ScriptsLinesCarryTheTasksName) {
  LogReader lines = reader("init");
  lines.feed("2026-01-31 12:00:00.123 UTC [42] INFO:  running x\nhello\n\n");
  lines.finish();
  ASSERT_EQ(events_.size(), 2U);
  EXPECT_EQ(events_[0].record.component, "init");
  EXPECT_EQ(events_[1].record.component, "init");
  EXPECT_EQ(events_[1].record.pid, 7);
  EXPECT_EQ(events_[1].record.message, "hello");
}

TEST_F(LogReaderTest, BytesComeInAnyPieces) {
  const std::string text = "2026-01-31 12:00:00.123 UTC [42] LOG:  one\nplain\n";
  LogReader lines = reader("postgres");
  for (const char c : text) lines.feed({&c, 1});
  lines.finish();
  ASSERT_EQ(events_.size(), 2U);
  EXPECT_EQ(events_[0].record.message, "one");
}

TEST_F(LogReaderTest, AFloodWithoutLineEndsIsCutAndNothingIsLost) {
  LogReader lines = reader("init");
  const std::string flood(100'000, 'x');
  lines.feed(flood);
  lines.finish();
  std::size_t total = 0;
  for (const LogEvent& event : events_) {
    EXPECT_LE(event.record.message.size(), LogReader::kLongestEvent);
    total += event.record.message.size();
  }
  EXPECT_EQ(total, flood.size());
}

TEST(Json, QuotesControlCharactersAndBrokenBytes) {
  EXPECT_EQ(json_escape("a\"b\\c\nd\te\x01"), "a\\\"b\\\\c\\nd\\te\\u0001");
  EXPECT_EQ(json_escape("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\x98"),
            "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\x98");
  EXPECT_EQ(json_escape("\xff\xc3(\xed\xa0\x80"), "\\ufffd\\ufffd(\\ufffd\\ufffd\\ufffd");
  EXPECT_EQ(json_escape("\xc3"), "\\ufffd");
}

TEST(Json, ARecordIsOneObject) {
  const Record record{"2026-01-31 12:00:00.123", Level::kError, "postgres", 7, "line\none"};
  EXPECT_EQ(
      to_json(record),
      R"({"time":"2026-01-31T12:00:00.123Z","level":"error","component":"postgres","pid":7,"message":"line\none"})");
  EXPECT_EQ(to_text(record), "2026-01-31 12:00:00.123 UTC [7] ERROR:  line\none");
}

}  // namespace
}  // namespace pg_entrypoint
