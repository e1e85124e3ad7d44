// `build --watch` and `run --watch`: a process that waits for changes, and does each build or run in a
// child of its own, since a build enters namespaces for good (sandbox/user_namespace.h).
#pragma once

#include <sys/types.h>

#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "core/result.h"
#include "os/directory_watch.h"
#include "os/fd.h"

namespace pgstrata::cli {

/// The child ended with this code, or 128 + the signal that ended it.
struct ChildEnded {
  int code;
};
/// SIGINT, SIGTERM or SIGHUP came. The child has it, too: from the terminal, or passed on.
struct Interrupted {};
/// Something changed, and then nothing did for a moment: editors write in several steps.
struct Changed {
  std::string path;  ///< the first; empty if too much changed to be told
};
using WatchEvent = std::variant<ChildEnded, Interrupted, Changed>;

/// One at a time in a process; signals are as they were when it goes.
class Watch {
 public:
  static Result<Watch> open();
  Watch(Watch&& other) noexcept;
  Watch& operator=(Watch&&) = delete;
  ~Watch();

  os::DirectoryWatch& directories() { return directories_; }
  /// Runs `action` in a child; its result is the child's exit code. One at a time.
  Result<void> start(const std::function<int()>& action);
  /// Until next() has told its end.
  [[nodiscard]] bool is_running() const { return child_ > 0; }
  [[nodiscard]] bool has_ended() const;
  /// Waits.
  Result<WatchEvent> next();
  /// Waits until the child has ended, whatever else happens.
  Result<int> child_end();

 private:
  Watch(os::Fd signals, os::DirectoryWatch directories, const sigset_t& previous);
  Result<std::optional<WatchEvent>> take_signal();
  Result<Changed> settle();

  os::Fd signals_;
  os::DirectoryWatch directories_;
  sigset_t previous_;
  pid_t child_ = 0;
};

}  // namespace pgstrata::cli
