#include "log.h"

#include <unistd.h>

#include <array>
#include <cctype>
#include <cstdio>
#include <ctime>
#include <string>

namespace pg_entrypoint {
namespace {

Level threshold = Level::kInfo;  // the program has one log and one thread

const char* level_name(Level level) {
  switch (level) {
    case Level::kDebug:
      return "DEBUG";
    case Level::kInfo:
      return "INFO";
    case Level::kWarning:
      return "WARNING";
    case Level::kError:
      return "ERROR";
  }
  return "INFO";
}

}  // namespace

std::optional<Level> parse_level(std::string_view word) {
  std::string upper;
  for (const char c : word) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (upper == "WARN") return Level::kWarning;
  for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
    if (upper == level_name(level)) return level;
  }
  return std::nullopt;
}

void set_log_level(Level level) { threshold = level; }

void log(Level level, std::string_view text) noexcept {
  if (level < threshold) return;
  // The same shape as PostgreSQL's own prefix (%m [%p]), so that both read as one log.
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  std::array<char, 32> stamp{};
  strftime(stamp.data(), stamp.size(), "%Y-%m-%d %H:%M:%S", &utc);
  dprintf(STDERR_FILENO, "%s.%03ld UTC [%d] %s:  %.*s\n", stamp.data(), now.tv_nsec / 1'000'000, getpid(),
          level_name(level), static_cast<int>(text.size()), text.data());
}

}  // namespace pg_entrypoint
