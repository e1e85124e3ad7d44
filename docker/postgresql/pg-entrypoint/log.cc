#include "log.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <ctime>

namespace pg_entrypoint {
namespace {

// The program has one log and one thread.
Level threshold = Level::kInfo;
LogFormat chosen_format = LogFormat::kText;
bool queued = false;
std::string queue;
std::array<std::uint64_t, 5> counts{};

constexpr std::size_t kAtomicWrite = 4096;  // PIPE_BUF: poll promises that much, and lines aren't torn

const char* upper_name(Level level) {
  static constexpr std::array<const char*, 5> names{"DEBUG", "INFO", "WARNING", "ERROR", "FATAL"};
  return names.at(static_cast<std::size_t>(level));
}

std::string now_text() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  std::array<char, 40> stamp{};
  const std::size_t length = strftime(stamp.data(), stamp.size(), "%Y-%m-%d %H:%M:%S", &utc);
  std::snprintf(stamp.data() + length, stamp.size() - length, ".%03ld", now.tv_nsec / 1'000'000);
  return stamp.data();
}

/// The length of the UTF-8 sequence that `text` begins with, or 0 if it begins with none (RFC 3629).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length == 0 || first >= 0xf5 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return 0;
  }
  if (first == 0xe0 && byte(1) < 0xa0) return 0;  // overlong
  if (first == 0xed && byte(1) > 0x9f) return 0;  // a surrogate
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

void emit(const std::string& line) {
  queue += line;
  queue += '\n';
  drain_log(queued ? std::chrono::milliseconds(0) : std::chrono::milliseconds(-1));
}

}  // namespace

std::optional<Level> parse_level(std::string_view word) {
  std::string upper;
  for (const char c : word) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (upper == "WARN") return Level::kWarning;
  for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
    if (upper == upper_name(level)) return level;
  }
  return std::nullopt;
}

const char* level_name(Level level) {
  static constexpr std::array<const char*, 5> names{"debug", "info", "warning", "error", "fatal"};
  return names.at(static_cast<std::size_t>(level));
}

std::string json_escape(std::string_view text) {
  std::string result;
  result.reserve(text.size() + 8);
  while (!text.empty()) {
    const char c = text.front();
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\u%04x",
                    static_cast<unsigned>(static_cast<unsigned char>(c)));
      result += code.data();
    } else if (const std::size_t length = utf8_length(text); length > 0) {
      result += text.substr(0, length);
      text.remove_prefix(length);
      continue;
    } else {
      result += "\\ufffd";
    }
    text.remove_prefix(1);
  }
  return result;
}

std::string to_json(const Record& record) {
  std::string time = record.time.empty() ? now_text() : record.time;
  std::replace(time.begin(), time.end(), ' ', 'T');
  std::string result = R"({"time":")";
  result += json_escape(time);
  result += R"(Z","level":")";
  result += level_name(record.level);
  result += R"(","component":")";
  result += json_escape(record.component);
  result += R"(","pid":)";
  result += std::to_string(record.pid);
  result += R"(,"message":")";
  result += json_escape(record.message);
  result += "\"}";
  return result;
}

std::string to_text(const Record& record) {
  std::string result = record.time.empty() ? now_text() : record.time;
  result += " UTC [" + std::to_string(record.pid) + "] ";
  result += upper_name(record.level);
  result += ":  " + record.message;
  return result;
}

void configure_log(Level level, LogFormat format) {
  threshold = level;
  chosen_format = format;
}

LogFormat log_format() { return chosen_format; }

void log(Level level, std::string_view text) noexcept {
  try {
    ++counts.at(static_cast<std::size_t>(level));
    if (level < threshold) return;
    const Record record{"", level, "pg-entrypoint", getpid(), std::string(text)};
    emit(chosen_format == LogFormat::kJson ? to_json(record) : to_text(record));
  } catch (...) {  // no memory: nothing can be said about it either
  }
}

void log_record(const Record& record, std::string_view verbatim) noexcept {
  try {
    ++counts.at(static_cast<std::size_t>(record.level));
    emit(chosen_format == LogFormat::kJson ? to_json(record) : std::string(verbatim));
  } catch (...) {
  }
}

void queue_log() { queued = true; }

void drain_log(std::chrono::milliseconds patience) noexcept {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::size_t done = 0;
  while (done < queue.size()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd reader{STDERR_FILENO, POLLOUT, 0};
    const int wait = patience.count() < 0 ? -1 : static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    const int ready = poll(&reader, 1, wait);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    const ssize_t written =
        write(STDERR_FILENO, queue.data() + done, std::min(queue.size() - done, kAtomicWrite));
    if (written > 0) {
      done += static_cast<std::size_t>(written);
    } else if (written < 0 && errno != EINTR && errno != EAGAIN) {
      done = queue.size();  // nobody reads any more
    }
  }
  queue.erase(0, done);
}

std::size_t queued_log() { return queue.size(); }

std::uint64_t logged(Level level) { return counts.at(static_cast<std::size_t>(level)); }

}  // namespace pg_entrypoint
