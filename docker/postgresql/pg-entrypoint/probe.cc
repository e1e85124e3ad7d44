#include "probe.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace pg_entrypoint {
namespace {

constexpr std::size_t kColumns = 13;

}  // namespace

const std::string& facts_query() {
  static const std::string sql =
      "SELECT pg_is_in_recovery(), "
      "CASE WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 "
      "ELSE coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp()), 0) END, "
      "CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn() - pg_last_wal_replay_lsn(), "
      "0) ELSE 0 END, "
      "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), "
      "current_setting('max_connections'), "
      "(SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'), "
      "(SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')), "
      "(SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database), "
      "(SELECT coalesce(max(CASE WHEN pg_is_in_recovery() THEN 0 ELSE pg_current_wal_lsn() - restart_lsn "
      "END), 0) "
      "FROM pg_replication_slots), "
      "(SELECT failed_count FROM pg_stat_archiver), "
      "(SELECT coalesce(extract(epoch FROM now() - last_archived_time), -1) FROM pg_stat_archiver), "
      "extract(epoch FROM now() - pg_postmaster_start_time()), "
      "(SELECT string_agg(extname || ' ' || extversion, ', ' ORDER BY extname) FROM pg_extension)";
  return sql;
}

std::optional<ServerFacts> read_facts(const Reply& reply) {
  if (reply.kind != Reply::Kind::kRows || reply.row.size() != kColumns) return std::nullopt;
  const auto text = [&reply](std::size_t i) { return reply.row[i].value_or("0"); };
  const auto number = [&text](std::size_t i) { return std::strtoll(text(i).c_str(), nullptr, 10); };
  const auto real = [&text](std::size_t i) { return std::strtod(text(i).c_str(), nullptr); };
  ServerFacts facts;
  facts.in_recovery = text(0) == "t";
  facts.lag_seconds = real(1);
  facts.lag_bytes = number(2);
  facts.connections = static_cast<int>(number(3));
  facts.most_connections = static_cast<int>(number(4));
  facts.replicas = static_cast<int>(number(5));
  facts.synchronous_replicas = static_cast<int>(number(6));
  facts.transactions = number(7);
  facts.retained_wal = number(8);
  facts.archive_failures = number(9);
  facts.archive_age = real(10);
  facts.uptime = real(11);
  facts.extensions = reply.row[12].value_or("");
  return facts;
}

ProbeResult judge(const Reply& reply) {
  switch (reply.kind) {
    case Reply::Kind::kLetIn:
    case Reply::Kind::kRows:
    case Reply::Kind::kWantsSecret:
      return {true, "accepting connections", std::nullopt};
    case Reply::Kind::kRefused:
      // cannot_connect_now, admin_shutdown, crash_shutdown
      if (reply.sqlstate == "57P03") return {false, "starting, stopping or recovering", std::nullopt};
      if (reply.sqlstate == "57P01" || reply.sqlstate == "57P02")
        return {false, "shutting down", std::nullopt};
      return {true, "accepting connections (this one was refused: SQLSTATE " + reply.sqlstate + ")",
              std::nullopt};
    case Reply::Kind::kIncomplete:
      return {false, "the server closed the connection", std::nullopt};
    case Reply::Kind::kNonsense:
      break;
  }
  return {false, "unknown answer", std::nullopt};
}

void Probe::begin(Clock::time_point now) {
  if (busy()) return;
  deadline_ = now + kPatience;
  received_.clear();
  stage_ = Stage::kStartup;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) {
    finish({false, "the path of the socket is too long: " + path_, std::nullopt}, now);
    return;
  }
  path_.copy(address.sun_path, path_.size());
  fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  // A Unix socket connects at once or not at all (EAGAIN: the server's queue is full).
  if (fd_ < 0 || connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    finish({false, "no server at " + path_ + ": " + std::strerror(errno), std::nullopt}, now);
    return;
  }
  if (!send_all(startup_message(user_, "postgres"))) {
    finish({false, std::string("can't talk to the server: ") + std::strerror(errno), std::nullopt}, now);
    return;
  }
  events_ = POLLIN;
}

bool Probe::advance(Clock::time_point now) {
  if (!busy()) return false;
  if (read_answer(now)) return true;
  if (now < deadline_) return false;
  if (stage_ == Stage::kQuery)
    return finish({true, "accepting connections (no answer to a query in time)", std::nullopt}, now);
  return finish({false, "no answer from the server in time", std::nullopt}, now);
}

bool Probe::read_answer(Clock::time_point now) {
  std::array<char, 4096> buffer{};
  bool closed = false;
  for (;;) {
    const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
    if (got > 0) {
      received_.append(buffer.data(), static_cast<std::size_t>(got));
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    closed = got == 0 || errno != EAGAIN;
    break;
  }
  const Reply reply =
      stage_ == Stage::kStartup ? read_startup_reply(received_) : read_query_reply(received_);
  if (reply.kind == Reply::Kind::kIncomplete && !closed) return false;
  if (stage_ == Stage::kStartup && reply.kind == Reply::Kind::kLetIn && !closed) {
    stage_ = Stage::kQuery;
    received_.clear();
    if (send_all(query_message(facts_query()))) return false;
  }
  ProbeResult result = judge(reply);
  if (stage_ == Stage::kQuery) {
    result.facts = read_facts(reply);
    send_all(terminate_message());
  }
  // To a server that wants a password, a goodbye in its place would be logged as an error, every few
  // seconds, where a closed connection is not.
  return finish(std::move(result), now);
}

bool Probe::finish(ProbeResult result, Clock::time_point now) {
  close_socket();
  result_ = std::move(result);
  when_ = now;
  return true;
}

bool Probe::send_all(const std::string& bytes) {
  return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

void Probe::close_socket() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

}  // namespace pg_entrypoint
