#include "log_reader.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace pg_entrypoint {
namespace {

constexpr std::size_t kTimeLength = 23;  // 2026-01-31 12:00:00.123

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

/// Whether `text` begins like 2026-01-31 12:00:00.123, with `mark` before the milliseconds.
bool begins_with_time(std::string_view text, char mark) {
  static constexpr std::string_view shape = "0000-00-00 00:00:00";
  if (text.size() < kTimeLength || text[shape.size()] != mark) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == '0' ? !is_digit(text[i]) : text[i] != shape[i]) return false;
  }
  return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(shape.size()) + 1,
                     text.begin() + kTimeLength, is_digit);
}

/// A word in capitals, possibly with a digit (DEBUG1), that ends with a colon. Removes both from `text`.
std::string_view take_word(std::string_view& text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon > 10) return "";
  const std::string_view word = text.substr(0, colon);
  const bool capitals =
      std::all_of(word.begin(), word.end(), [](char c) { return (c >= 'A' && c <= 'Z') || is_digit(c); });
  if (!capitals) return "";
  text.remove_prefix(colon + 1);
  while (text.starts_with(' ')) text.remove_prefix(1);
  return word;
}

Level level_of(std::string_view word) {
  if (word.starts_with("DEBUG") || word == "DETAIL" || word == "TRACE") return Level::kDebug;
  if (word == "WARNING" || word == "WARN") return Level::kWarning;
  if (word == "ERROR") return Level::kError;
  if (word == "FATAL" || word == "PANIC" || word == "CRITICAL") return Level::kFatal;
  return Level::kInfo;  // LOG, INFO, NOTICE
}

/// PostgreSQL's secondary lines, which belong to the event before them.
bool is_secondary(std::string_view word) {
  static constexpr std::array<std::string_view, 7> words{"DETAIL", "HINT",     "STATEMENT", "CONTEXT",
                                                         "QUERY",  "LOCATION", "BACKTRACE"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::optional<Record> parse_postgres(std::string_view line) {
  static constexpr std::string_view zone = " UTC [";
  Record record;
  record.time = line.substr(0, kTimeLength);
  line.remove_prefix(kTimeLength);
  if (!line.starts_with(zone)) return std::nullopt;
  line.remove_prefix(zone.size());
  const auto [end, failure] = std::from_chars(line.data(), line.data() + line.size(), record.pid);
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  if (failure != std::errc{} || !line.starts_with("] ")) return std::nullopt;
  line.remove_prefix(2);
  // Whatever log_line_prefix has between the pid and the level stays in front of the message.
  std::string before;
  std::string_view word = take_word(line);
  while (word.empty()) {
    const auto space = line.find(' ');
    if (space == std::string_view::npos || before.size() > 200) return std::nullopt;
    before += line.substr(0, space + 1);
    line.remove_prefix(space + 1);
    word = take_word(line);
  }
  record.component = "postgres";
  record.level = level_of(word);
  record.message = before + std::string(line);
  if (is_secondary(word)) record.message = std::string(word) + ":  " + record.message;
  return record;
}

/// pgBackRest: "2026-01-31 12:00:00.123 P00   INFO: text".
std::optional<Record> parse_pgbackrest(std::string_view line) {
  Record record;
  record.time = line.substr(0, kTimeLength);
  line.remove_prefix(kTimeLength);
  if (line.size() < 5 || !line.starts_with(" P") || !is_digit(line[2]) || !is_digit(line[3]))
    return std::nullopt;
  line.remove_prefix(4);
  while (line.starts_with(' ')) line.remove_prefix(1);
  const std::string_view word = take_word(line);
  if (word.empty()) return std::nullopt;
  record.component = "pgbackrest";
  record.level = level_of(word);
  record.message = line;
  return record;
}

std::optional<Record> parse_patroni(std::string_view line) {
  Record record;
  record.time = line.substr(0, kTimeLength);
  record.time[kTimeLength - 4] = '.';
  line.remove_prefix(kTimeLength);
  if (!line.starts_with(' ')) return std::nullopt;
  line.remove_prefix(1);
  const std::string_view word = take_word(line);
  if (word.empty()) return std::nullopt;
  record.component = "patroni";
  record.level = level_of(word);
  record.message = line;
  return record;
}

/// A secondary line of `event`'s own process.
bool belongs_to(const LogEvent& event, const Record& record) {
  if (record.pid != event.record.pid || record.component != event.record.component) return false;
  const auto colon = record.message.find(":  ");
  return colon != std::string::npos && is_secondary(std::string_view(record.message).substr(0, colon));
}

}  // namespace

std::optional<Record> parse_line(std::string_view line) {
  if (begins_with_time(line, ',')) return parse_patroni(line);
  if (!begins_with_time(line, '.')) return std::nullopt;
  if (auto record = parse_postgres(line)) return record;
  return parse_pgbackrest(line);
}

void LogReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const std::size_t room = kLongestLine - std::min(partial_.size(), kLongestLine);
    if (end == std::string_view::npos || end > room) {
      const std::size_t take = std::min(bytes.size(), room);
      partial_ += bytes.substr(0, take);
      bytes.remove_prefix(take);
      if (partial_.size() < kLongestLine) continue;
    } else {
      partial_ += bytes.substr(0, end);
      bytes.remove_prefix(end + 1);
    }
    line(partial_);
    partial_.clear();
  }
}

void LogReader::line(std::string_view text) {
  std::optional<Record> record = parse_line(text);
  const bool continues = record ? has_event_ && belongs_to(event_, *record)
                                : has_event_ && (text.starts_with('\t') || text.starts_with("  ") ||
                                                 text.starts_with("Traceback"));
  if (continues && event_.verbatim.size() + text.size() < kLongestEvent) {
    std::string_view more = record ? std::string_view(record->message) : text;
    if (more.starts_with('\t')) more.remove_prefix(1);
    event_.record.message += '\n';
    event_.record.message += more;
    event_.verbatim += '\n';
    event_.verbatim += text;
    return;
  }
  flush();
  if (!record) {
    if (text.empty()) return;
    record = Record{"", Level::kInfo, component_, pid_, std::string(text)};
  } else if (record->component == "postgres" && component_ != "patroni") {
    record->component = component_;  // the image's scripts write lines of the same shape
  }
  if (record->pid == 0) record->pid = pid_;  // Patroni and pgBackRest don't say theirs
  event_ = {std::move(*record), std::string(text)};
  has_event_ = true;
}

void LogReader::flush() {
  if (!has_event_) return;
  has_event_ = false;
  sink_(event_);
}

void LogReader::finish() {
  if (!partial_.empty()) line(partial_);
  partial_.clear();
  flush();
}

}  // namespace pg_entrypoint
