// The error value that every library of pgstrata returns: what failed, where, why, and what to do
// next. See docs/errors.md for the convention.
#pragma once

#include <string>
#include <string_view>

namespace pgstrata {

/// What kind of failure it is. The command line maps it to the exit code (docs/contracts/build.md).
enum class ErrorKind {
  kUsage,        ///< the command line, Dockerfile or context is wrong: exit 2
  kBuildFailed,  ///< a step of the build failed: exit 1
  kMachine,      ///< the machine can't: namespaces, overlay, disk, a missing program: exit 3
  kNotFound,     ///< what was named does not exist: exit 1
  kCorrupt,      ///< stored or given bytes contradict their digest or format: exit 1
  kIo,           ///< a system call failed: exit 1, or 3 for ENOSPC
  kUnreachable,  ///< nobody answers there: no such host, no connection: exit 1
  kTls,          ///< somebody does, but not by TLS, or with a certificate that isn't trusted: exit 1
  kCancelled,    ///< a signal or a failed sibling stopped it: exit 130
};

struct Error {
  ErrorKind kind = ErrorKind::kIo;
  std::string what;    ///< one sentence without a full stop: "can't read the context"
  std::string where;   ///< "Dockerfile:12:7", a path, or empty
  std::string why;     ///< the cause: errno's text, or the inner error's message; may be empty
  std::string next;    ///< what the person can do, may be empty
  std::string detail;  ///< lines shown verbatim below it (source line with caret, a step's output)

  /// "where: what: why", one line.
  [[nodiscard]] std::string message() const;
};

/// An error of kind kIo (kMachine for ENOSPC and EDQUOT) from errno's value `code`.
[[nodiscard]] Error system_error(std::string what, std::string_view path, int code);
/// The same with the calling thread's errno.
[[nodiscard]] Error system_error(std::string what, std::string_view path);

}  // namespace pgstrata
