// Whose the times of a step's files are. A RUN that is run again makes the same files at another time; what
// it made is then as new as before. But a time that it took from elsewhere (tar, cp -p, touch -d, chmod of
// what was there) is another one if that is, and programs that decide by times see it.
#pragma once

#include <cstdint>
#include <span>

#include "filetree/entry.h"

namespace pgstrata::filetree {

/// When a step ran, in nanoseconds since the epoch.
struct StepTimes {
  std::int64_t build =
      0;  ///< when its build began; reused layers show times from then on (docs/read-sets.md)
  std::int64_t began = 0;
  std::int64_t ended = 0;
  bool operator==(const StepTimes&) const = default;
};

/// Makes whole seconds tell what fractions of them did: layers and their lists of files have lost those. If
/// `changes` have a time of the second in which the step began, but from before that, the step's own times
/// of this second become the next second, and with it `began` of the result. For `build` that is enough
/// alone: what was made earlier in the build is then taken for a time from elsewhere.
[[nodiscard]] StepTimes tell_apart(std::span<Entry> changes, StepTimes step);

/// A time that is equal for two runs of a step if it means the same: one value for all that the step gave
/// itself, one for what it found as made earlier in its build, and otherwise the time. All in whole
/// seconds, so `times` are those that tell_apart() gave.
[[nodiscard]] std::int64_t lasting_time(std::int64_t mtime_ns, const StepTimes& times);

/// Over the lasting times of all entries but implied directories, hard links and whiteouts. Never none.
[[nodiscard]] oci::Digest times_digest(std::span<const Entry> changes, const StepTimes& times);

}  // namespace pgstrata::filetree
