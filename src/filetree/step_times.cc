#include "filetree/step_times.h"

#include <algorithm>
#include <limits>

namespace pgstrata::filetree {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kByTheStep = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kEarlierInItsBuild = kByTheStep - 1;

std::int64_t whole_seconds(std::int64_t time) { return time / kSecond - (time % kSecond < 0 ? 1 : 0); }

/// Of the others nobody sees a time of this step's.
bool has_time(const Entry& entry) {
  return !entry.implied && entry.type != EntryType::kHardLink && entry.type != EntryType::kWhiteout;
}

bool has_older_in_second_of(std::int64_t begin, std::span<const Entry> changes) {
  return std::any_of(changes.begin(), changes.end(), [begin](const Entry& entry) {
    return has_time(entry) && entry.mtime_ns < begin &&
           whole_seconds(entry.mtime_ns) == whole_seconds(begin);
  });
}

std::int64_t next_second(std::int64_t time) { return (whole_seconds(time) + 1) * kSecond; }

}  // namespace

StepTimes tell_apart(std::span<Entry> changes, StepTimes step) {
  if (has_older_in_second_of(step.build, changes)) step.build = next_second(step.build);
  if (!has_older_in_second_of(step.began, changes)) return step;
  const std::int64_t next = next_second(step.began);
  for (Entry& entry : changes)
    if (entry.mtime_ns >= step.began && entry.mtime_ns < next) entry.mtime_ns = next;
  step.began = next;
  step.ended = std::max(step.ended, next);
  return step;
}

std::int64_t lasting_time(std::int64_t mtime_ns, const StepTimes& times) {
  const std::int64_t time = whole_seconds(mtime_ns);
  if (time > whole_seconds(times.ended) || time < whole_seconds(times.build)) return time;
  return time < whole_seconds(times.began) ? kEarlierInItsBuild : kByTheStep;
}

oci::Digest times_digest(std::span<const Entry> changes, const StepTimes& times) {
  oci::KeyHasher key("pgstrata.times.v2");
  for (const Entry& entry : changes) {
    if (!has_time(entry)) continue;
    const std::int64_t lasting = lasting_time(entry.mtime_ns, times);
    if (lasting == kByTheStep) continue;  // most are
    key.add("path", entry.path).add("time", static_cast<std::uint64_t>(lasting));
  }
  return key.finish();
}

}  // namespace pgstrata::filetree
