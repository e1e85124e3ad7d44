// Turns the output of children into events: which bytes are one event, who wrote it and how grave it is.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "log.h"

namespace pg_entrypoint {

/// An event and the text it was made of.
struct LogEvent {
  Record record;
  std::string verbatim;
};

/// Reads one child's stdout and stderr. Lines of PostgreSQL ("… UTC [pid] LEVEL:  text"), of Patroni
/// ("…,123 LEVEL: text"), of pgBackRest ("… P00   INFO: text") and of the image's scripts are told apart by
/// their shape, since PostgreSQL below Patroni writes to Patroni's own stderr. What belongs to one event
/// (continuation lines, DETAIL, HINT, a Python traceback) becomes one event.
class LogReader {
 public:
  /// `component` and `pid` are those of lines without a shape.
  LogReader(std::string component, pid_t pid, std::function<void(const LogEvent&)> sink)
      : component_(std::move(component)), pid_(pid), sink_(std::move(sink)) {}

  /// Any number of bytes; the end of a line may come later.
  void feed(std::string_view bytes);
  /// Nothing more comes for now: what is complete is handed on.
  void flush();
  /// Nothing more comes at all: a last line without its end is handed on too.
  void finish();

  /// Longer lines are cut into several events: a flood without line ends must not fill the memory.
  static constexpr std::size_t kLongestLine = std::size_t{16} << 10U;
  static constexpr std::size_t kLongestEvent = std::size_t{64} << 10U;

 private:
  void line(std::string_view text);

  std::string component_;
  pid_t pid_;
  std::function<void(const LogEvent&)> sink_;
  std::string partial_;
  LogEvent event_;
  bool has_event_ = false;
};

/// A line's shape, or nothing if it has none of those above.
std::optional<Record> parse_line(std::string_view line);

}  // namespace pg_entrypoint
