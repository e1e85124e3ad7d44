// Chooses the display for --progress.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "progress/event.h"

namespace pgstrata::progress {

enum class Mode { kAuto, kPlain, kTty, kRawJson, kQuiet };

/// "auto", "plain", "tty", "rawjson", "quiet"; kUsage for anything else.
Result<Mode> parse_mode(std::string_view text);

/// What of the environment matters to a display.
struct TerminalSettings {
  bool is_terminal = false;
  std::string term;      ///< TERM
  std::string no_color;  ///< NO_COLOR; not empty: no colour (https://no-color.org)
  std::string locale;    ///< the first of LC_ALL, LC_CTYPE, LANG that isn't empty
};
[[nodiscard]] TerminalSettings terminal_settings(int fd);

/// kAuto resolved: tty on a terminal that can do more than a typewriter (TERM isn't dumb or unset), else
/// plain. An asked-for kTty stays, except where there is no terminal.
[[nodiscard]] Mode choose_mode(Mode asked, const TerminalSettings& settings);

/// A sink that writes to `fd` (borrowed; stderr usually), with the real clock.
[[nodiscard]] std::unique_ptr<Sink> make_sink(Mode mode, int fd);

}  // namespace pgstrata::progress
