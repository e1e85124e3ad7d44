#include "health.h"

#include <gtest/gtest.h>

#include "backup_schedule.h"
#include "http_client.h"

namespace pg_entrypoint {
namespace {

HealthState good() {
  HealthState state;
  state.phase = Phase::kReady;
  state.started = true;
  state.server = {true, "accepting connections", ServerFacts{}};
  state.disks = {{"data", "/data", 1ULL << 40U, 1ULL << 39U}};
  return state;
}

int status_of(const std::string& path, const HealthState& state) {
  return answer({"GET", path}, state).status;
}

TEST(Health, AGoodServerIsEverything) {
  for (const char* path : {"/livez", "/readyz", "/startupz", "/health", "/metrics"})
    EXPECT_EQ(status_of(path, good()), 200);
}

TEST(Health, NothingIsReadyBeforeTheInitialisationIsComplete) {
  HealthState state = good();
  state.started = false;
  for (const Phase phase :
       {Phase::kValidate, Phase::kSecrets, Phase::kPrepare, Phase::kInit, Phase::kStart}) {
    state.phase = phase;
    EXPECT_EQ(status_of("/readyz", state), 503);
    EXPECT_EQ(status_of("/startupz", state), 503);
    EXPECT_EQ(status_of("/health", state), 503);
    EXPECT_EQ(status_of("/livez", state), 200);
    EXPECT_EQ(status_of("/metrics", state), 200);
  }
}

TEST(Health, AFullDiskIsNotReadyButAlive) {
  HealthState state = good();
  state.disks.push_back({"wal", "/data/pg_wal", 1ULL << 30U, 1ULL << 20U});
  EXPECT_EQ(status_of("/livez", state), 200);
  const Response ready = answer({"GET", "/readyz"}, state);
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.body, "disk_full: wal (/data/pg_wal)\n");
}

TEST(Health, AFrozenPatroniIsNotAlive) {
  HealthState state = good();
  state.patroni = PatroniHealth{false, 31, "leader", "running"};
  EXPECT_EQ(status_of("/livez", state), 503);
  state.patroni->responding = true;
  EXPECT_EQ(status_of("/livez", state), 200);
}

TEST(Health, AWorkerThatNoCoordinatorKnowsIsNotReadyButAlive) {
  HealthState state = good();
  state.citus = CitusHealth{true, false, "c:5432"};
  const Response ready = answer({"GET", "/readyz"}, state);
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.body, "waiting_for_coordinator: c:5432\n");
  EXPECT_EQ(status_of("/livez", state), 200);
  state.citus->registered = true;
  EXPECT_EQ(status_of("/readyz", state), 200);
}

TEST(Health, OnlyGetAndHeadAndKnownPaths) {
  EXPECT_EQ(answer({"POST", "/readyz"}, good()).status, 405);
  EXPECT_EQ(answer({"HEAD", "/readyz"}, good()).status, 200);
  EXPECT_EQ(status_of("/", good()), 404);
}

TEST(Http, RequestsAreReadToTheirEnd) {
  EXPECT_FALSE(is_complete("GET / HTTP/1.1\r\nHost: x\r\n"));
  EXPECT_TRUE(is_complete("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_EQ(parse_request("GET /readyz?x=1 HTTP/1.1\r\n\r\n")->path, "/readyz");
  EXPECT_FALSE(parse_request("nonsense\r\n\r\n"));
  EXPECT_FALSE(parse_request("GET readyz HTTP/1.1\r\n\r\n"));
  EXPECT_FALSE(parse_request("GET / FTP/1\r\n\r\n"));
}

TEST(Http, AnswersSayTheirLengthAndHeadHasNoBody) {
  const Response response{200, "text/plain", "hello\n"};
  EXPECT_NE(to_bytes(response, false).find("Content-Length: 6\r\n"), std::string::npos);
  EXPECT_TRUE(to_bytes(response, false).ends_with("\r\n\r\nhello\n"));
  EXPECT_TRUE(to_bytes(response, true).ends_with("\r\n\r\n"));
  EXPECT_EQ(parse_answer(to_bytes(response, false)).status, 200);
  EXPECT_EQ(parse_answer(to_bytes(response, false)).body, "hello\n");
  EXPECT_EQ(parse_answer("").status, 0);
}

TEST(Wire, LetInWantsAPasswordOrRefuses) {
  EXPECT_EQ(read_startup_reply(std::string("R\0\0\0\10\0\0\0\0Z\0\0\0\5I", 15)).kind, Reply::Kind::kLetIn);
  EXPECT_EQ(read_startup_reply(std::string("R\0\0\0\10\0\0\0\12", 9)).kind, Reply::Kind::kWantsSecret);
  EXPECT_EQ(read_startup_reply("HTTP/1.1 400").kind, Reply::Kind::kNonsense);
  EXPECT_EQ(read_startup_reply("").kind, Reply::Kind::kIncomplete);
  EXPECT_EQ(read_startup_reply(std::string("R\377\377\377\377", 5)).kind, Reply::Kind::kNonsense);
  const std::string error("E\0\0\0\22C57P03\0Mno\0\0\0", 19);
  const Reply refused = read_startup_reply(error);
  EXPECT_EQ(refused.kind, Reply::Kind::kRefused);
  EXPECT_EQ(refused.sqlstate, "57P03");
  EXPECT_FALSE(judge(refused).accepting);
}

TEST(Wire, EveryPrefixOfAnAnswerIsIncompleteAndNeverReadBeyond) {
  const std::string answer("T\0\0\0\6\0\0D\0\0\0\21\0\2\0\0\0\3abc\377\377\377\377C\0\0\0\5xZ\0\0\0\5I",
                           37);
  for (std::size_t length = 0; length < answer.size(); ++length) {
    EXPECT_EQ(read_query_reply(answer.substr(0, length)).kind, Reply::Kind::kIncomplete) << length;
  }
  const Reply reply = read_query_reply(answer);
  ASSERT_EQ(reply.kind, Reply::Kind::kRows);
  ASSERT_EQ(reply.row.size(), 2U);
  EXPECT_EQ(reply.row[0], "abc");
  EXPECT_FALSE(reply.row[1]);
}

BackupOptions weekly() {
  BackupOptions options;
  options.full_every = std::chrono::hours(168);
  options.differential_every = std::chrono::hours(24);
  return options;
}

TEST(BackupSchedule, ReadsWhatTheRepositoryHolds) {
  const auto info = read_backup_info(
      R"([{"backup":[{"label":"a","timestamp":{"start":10,"stop":20},"type":"full"},)"
      R"({"label":"b","timestamp":{"start":30,"stop":40},"type":"diff"}],"name":"default"}])");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->full, 20);
  EXPECT_EQ(info->any, 40);
  EXPECT_EQ(read_backup_info("[]")->any, 0);
  EXPECT_FALSE(read_backup_info("ERROR: no"));
}

TEST(BackupSchedule, AFullOneFirstThenDifferentialOnes) {
  constexpr long long day = 86'400;
  constexpr long long now = 1'000 * day;
  EXPECT_EQ(due_backup(weekly(), {}, now), BackupKind::kFull);
  EXPECT_EQ(due_backup(weekly(), {now - day, now - day}, now), BackupKind::kDifferential);
  EXPECT_EQ(due_backup(weekly(), {now - 2 * day, now - day / 2}, now), BackupKind::kNone);
  EXPECT_EQ(due_backup(weekly(), {now - 7 * day, now - 10}, now), BackupKind::kFull);
  EXPECT_EQ(next_look(weekly(), {now - 2 * day, now - day + 60}, now).count(), 60);
  BackupOptions never;
  EXPECT_EQ(due_backup(never, {}, now), BackupKind::kNone);
  EXPECT_EQ(next_look(never, {}, now).count(), 3'600);
}

}  // namespace
}  // namespace pg_entrypoint
