// Runs a program of the machine to its end: no shell, a process group of its own, output by callback.
// RUN steps don't come here; their sandbox is sandbox/launcher.h.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/result.h"

namespace pgstrata::os {

struct Exited {
  int code;
  bool operator==(const Exited&) const = default;
};
struct Signalled {
  int signal;
  bool operator==(const Signalled&) const = default;
};
using ExitStatus = std::variant<Exited, Signalled>;

/// "exit code 2", "killed by signal 9 (Killed)"
[[nodiscard]] std::string describe(const ExitStatus& status);
[[nodiscard]] bool succeeded(const ExitStatus& status);

struct Command {
  std::vector<std::string> argv;          ///< argv[0] without a slash is looked up in the PATH of `env`
  std::vector<std::string> env;           ///< "NAME=value", the whole environment of the program
  std::string cwd;                        ///< empty: that of the caller
  std::string input;                      ///< what it reads on stdin; empty: /dev/null
  int stdout_fd = -1;                     ///< borrowed; its stdout goes there instead of to the callback
  int umask = -1;                         ///< -1: that of the caller
  std::chrono::milliseconds grace{5000};  ///< between SIGTERM and SIGKILL when stopped
};

enum class Stream { kStdout, kStderr };
/// Called from the thread that called run(), with pieces as they were read (not lines).
using OutputSink = std::function<void(Stream, std::string_view)>;

/// Runs it to the end. The program and whatever it leaves behind in its process group are gone when
/// this returns; the program also gets SIGKILL when the calling thread dies. After `stop`: SIGTERM to
/// the group, SIGKILL after `grace`, and kCancelled. kNotFound: there is no such program; kIo: it can't be
/// started. Its own failure is an ExitStatus. Several threads may call it at once.
Result<ExitStatus> run(const Command& command, const OutputSink& output, std::stop_token stop = {});

struct Captured {
  ExitStatus status;
  std::string out;
  std::string err;
};
/// The same, with the output collected.
Result<Captured> capture(const Command& command, std::stop_token stop = {});

/// The path of an executable file `name` in the directories of `path` (as in $PATH); empty if none.
[[nodiscard]] std::string find_program(std::string_view name, std::string_view path);

/// This process's environment with the given variables put in or replaced ("NAME", "value").
[[nodiscard]] std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& changes);

/// Turns pieces of output into lines: calls `line` without the newline; \r\n counts as one.
class LineSplitter {
 public:
  explicit LineSplitter(std::function<void(std::string_view)> line) : line_(std::move(line)) {}
  void add(std::string_view piece);
  /// The last line, if it had no newline.
  void finish();

 private:
  void emit(std::string_view line) const;

  std::function<void(std::string_view)> line_;
  std::string rest_;
};

}  // namespace pgstrata::os
