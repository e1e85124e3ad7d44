#include "progress/wording.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

namespace pgstrata::progress {

std::string_view name_of(const Outcome& outcome) {
  constexpr std::array<std::string_view, 6> kNames{"ran",     "hit",    "rebased",
                                                   "cut-off", "failed", "cancelled"};
  static_assert(std::variant_size_v<Outcome> == kNames.size());
  return kNames[outcome.index()];
}

std::string_view name_of(Stream stream) { return stream == Stream::kStdout ? "stdout" : "stderr"; }

bool is_reused(const Outcome& outcome) {
  return std::holds_alternative<Hit>(outcome) || std::holds_alternative<Rebased>(outcome);
}

std::string duration(double seconds) {
  // Each limit is where the next smaller form would round up to the larger unit.
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = std::lround(seconds);
  return fmt::format("{} min {:02} s", whole / 60, whole % 60);
}

std::string short_duration(double seconds) {
  if (seconds < 99.95) return fmt::format("{:.1f}s", seconds);
  const auto whole = std::lround(seconds);
  if (whole < 600) return fmt::format("{}s", whole);
  if (whole < 6000) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

std::string size(std::uint64_t bytes) {
  constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  // What three digits would round up to 1000 takes the next unit.
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  return fmt::format("{:.3g}{}", value, kUnits[unit]);
}

void Counts::add(const Outcome& outcome) {
  if (is_reused(outcome)) ++reused;
  if (std::holds_alternative<Ran>(outcome)) ++ran;
  if (std::holds_alternative<CutOff>(outcome)) ++unchanged;
  if (std::holds_alternative<Failed>(outcome)) ++failed;
  if (std::holds_alternative<Cancelled>(outcome)) ++cancelled;
}

std::string Counts::text() const {
  std::string result;
  for (const auto& [count, word] :
       {std::pair(reused, "reused"), std::pair(ran, "new"), std::pair(unchanged, "ran without a change"),
        std::pair(failed, "failed"), std::pair(cancelled, "cancelled")})
    if (count > 0) result += fmt::format("{}{} {}", result.empty() ? "" : ", ", count, word);
  return result;
}

std::string summary(const BuildResult& result, const Counts& counts, double seconds) {
  const char* how = std::holds_alternative<Built>(result)   ? "built in"
                    : std::holds_alternative<Error>(result) ? "failed after"
                                                            : "cancelled after";
  std::string steps = counts.text();
  if (steps.empty()) steps = std::holds_alternative<Built>(result) ? "nothing to do" : "no step was begun";
  return fmt::format("{} {}: {}", how, duration(seconds), steps);
}

std::string warnings_found(const std::vector<CheckWarning>& warnings) {
  if (warnings.empty()) return {};
  std::string text = fmt::format("{} warning{} found (--check shows the lines):\n", warnings.size(),
                                 warnings.size() == 1 ? "" : "s");
  for (const CheckWarning& warning : warnings) {
    text += fmt::format(" - {}: {}", warning.rule, warning.message);
    if (warning.line > 0) text += fmt::format(" (line {})", warning.line);
    text += '\n';
  }
  return text;
}

std::string describe(const Error& error) {
  std::string text = fmt::format("error: {}\n", error.message());
  if (!error.detail.empty()) text += error.detail + (error.detail.ends_with('\n') ? "" : "\n");
  if (!error.next.empty()) text += fmt::format("hint: {}\n", error.next);
  return text;
}

}  // namespace pgstrata::progress
