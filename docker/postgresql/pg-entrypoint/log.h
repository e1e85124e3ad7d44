// The container's one log: a line for each event of this process, of its scripts, of PostgreSQL and of
// Patroni, as JSON or as text, on stderr.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pg_entrypoint {

enum class Level { kDebug, kInfo, kWarning, kError, kFatal };
enum class LogFormat { kText, kJson };

/// The level that LOG_LEVEL's word names, in any case; nothing for an unknown word.
std::optional<Level> parse_level(std::string_view word);

/// "info" and the like, as JSON has it.
const char* level_name(Level level);

/// One event. `time` is UTC as PostgreSQL writes it ("2026-01-31 12:00:00.123"); empty means now.
struct Record {
  std::string time;
  Level level = Level::kInfo;
  std::string component;  // pg-entrypoint, postgres, patroni, pgbackrest, or a task's name
  pid_t pid = 0;
  std::string message;
};

/// {"time":"2026-01-31T12:00:00.123Z","level":"info","component":"postgres","pid":7,"message":"…"}. Bytes
/// that are no UTF-8 become U+FFFD.
std::string to_json(const Record& record);
/// "2026-01-31 12:00:00.123 UTC [7] INFO:  …", the shape of PostgreSQL's own lines.
std::string to_text(const Record& record);

/// Text between quotes in JSON.
std::string json_escape(std::string_view text);

/// Lines of this process and its scripts below `level` are dropped from now on; every line has `format`.
void configure_log(Level level, LogFormat format);
LogFormat log_format();

/// One line of this process. Never throws: what can't be logged must not stop a database.
void log(Level level, std::string_view text) noexcept;

/// One event of somebody else. `verbatim` is what it wrote, which is what people get to see in text.
void log_record(const Record& record, std::string_view verbatim) noexcept;

/// From now on nothing waits for a slow reader of stderr: lines are queued, and drain_log writes them.
/// Without this every line is written at once.
void queue_log();
/// Writes as much as the reader takes now, or within `patience`.
void drain_log(std::chrono::milliseconds patience) noexcept;
/// Bytes that wait for the reader. Above kLogLimit, children's output is left in their pipes.
std::size_t queued_log();
inline constexpr std::size_t kLogLimit = std::size_t{1} << 20U;

/// Events by level since the start, for /metrics.
std::uint64_t logged(Level level);

}  // namespace pg_entrypoint
