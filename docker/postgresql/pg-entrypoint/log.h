// Log lines of PID 1, one per event, on stderr.
#pragma once
#include <optional>
#include <string_view>

namespace pg_entrypoint {

enum class Level { kDebug, kInfo, kWarning, kError };

/// The level that LOG_LEVEL's word names, in any case; nothing for an unknown word.
std::optional<Level> parse_level(std::string_view word);

/// Lines below `level` are dropped from now on.
void set_log_level(Level level);

/// Writes one line. Never throws: what can't be logged must not stop a database.
void log(Level level, std::string_view text) noexcept;

}  // namespace pg_entrypoint
