// What a container wrote. One JSON object per line, in the order in which it was read:
//
//   {"time":"2026-01-02T03:04:05.678901234Z","stream":"stdout"|"stderr","log":"text\n"}
//
// A line of output is one object. Lines over 16 KiB are cut, and the last may lack its newline: then "log"
// doesn't end with one. Bytes that aren't UTF-8 are replaced by U+FFFD. A terminal's output is stdout.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "container/process_id.h"
#include "core/result.h"
#include "os/fd.h"
#include "os/process.h"

namespace pgstrata::container {

inline constexpr std::size_t kLongestLogLine = 16U << 10;

class LogWriter {
 public:
  explicit LogWriter(os::Fd file) : file_(std::move(file)) {}
  /// Adds output as it was read. A failing disk must not stop the program: what can't be written is lost.
  void add(os::Stream stream, std::string_view bytes);
  /// Writes what has no newline yet.
  void finish();

 private:
  void write(os::Stream stream, std::string_view line) const;

  os::Fd file_;
  std::string out_;
  std::string err_;
};

struct LogLine {
  std::string time;
  os::Stream stream = os::Stream::kStdout;
  std::string text;
};
/// Nothing for a line that isn't a complete object (the last one, cut by a crash).
[[nodiscard]] std::optional<LogLine> parse_log_line(std::string_view json);

struct LogQuery {
  std::optional<std::size_t> tail;  ///< the last lines only
  /// Wait for more until this process has ended.
  std::optional<ProcessId> follow;
};
/// Calls `sink` for each line. It returns false to stop.
Result<void> read_log(const std::string& path, const LogQuery& query,
                      const std::function<bool(const LogLine&)>& sink);

}  // namespace pgstrata::container
