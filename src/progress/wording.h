// The words that all displays share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "progress/event.h"

namespace pgstrata::progress {

/// "ran", "hit", "rebased", "cut-off", "failed", "cancelled"
[[nodiscard]] std::string_view name_of(const Outcome& outcome);
/// "stdout", "stderr"
[[nodiscard]] std::string_view name_of(Stream stream);

/// Nothing ran for it: a hit or a rebase.
[[nodiscard]] bool is_reused(const Outcome& outcome);

/// "8 ms", "3.2 s", "1 min 05 s"
[[nodiscard]] std::string duration(double seconds);
/// At most six columns, for lists: "0.1s", "12.3s", "123s", "12m05s"
[[nodiscard]] std::string short_duration(double seconds);

/// "812B", "4.05MB": decimal units with three digits, as Docker prints sizes.
[[nodiscard]] std::string size(std::uint64_t bytes);

struct Counts {
  int reused = 0;
  int ran = 0;
  int unchanged = 0;  ///< cut off: ran, with the recorded result
  int failed = 0;
  int cancelled = 0;

  void add(const Outcome& outcome);
  [[nodiscard]] int finished() const { return reused + ran + unchanged + failed + cancelled; }
  /// "12 reused, 1 new"; what is zero is left out.
  [[nodiscard]] std::string text() const;
};

/// "built in 8 ms: 12 reused, 1 new", "failed after 3.2 s: …", "cancelled after 3.2 s: …"
[[nodiscard]] std::string summary(const BuildResult& result, const Counts& counts, double seconds);

/// "2 warnings found (--check shows the lines):" and a line for each; "" if there are none.
[[nodiscard]] std::string warnings_found(const std::vector<CheckWarning>& warnings);

/// The error for a person, ending in a newline: "error: where: what: why", the detail, "hint: next".
[[nodiscard]] std::string describe(const Error& error);

}  // namespace pgstrata::progress
