#include "filetree/step_times.h"

#include <limits>

namespace pgstrata::filetree {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kByTheStep = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kEarlierInItsBuild = kByTheStep - 1;

std::int64_t whole_seconds(std::int64_t time) { return time / kSecond - (time % kSecond < 0 ? 1 : 0); }

}  // namespace

std::int64_t lasting_time(std::int64_t mtime_ns, const StepTimes& times) {
  // What a layer holds has lost its fraction.
  const bool whole = mtime_ns % kSecond == 0;
  const auto reached = [&](std::int64_t begin) {
    return mtime_ns >= begin || (whole && mtime_ns / kSecond == whole_seconds(begin));
  };
  if (mtime_ns > times.ended || !reached(times.build)) return whole_seconds(mtime_ns);
  return reached(times.began) ? kByTheStep : kEarlierInItsBuild;
}

oci::Digest times_digest(std::span<const Entry> changes, const StepTimes& times) {
  oci::KeyHasher key("pgstrata.times.v1");
  for (const Entry& entry : changes) {
    if (entry.implied || entry.type == EntryType::kHardLink || entry.type == EntryType::kWhiteout) continue;
    const std::int64_t lasting = lasting_time(entry.mtime_ns, times);
    if (lasting == kByTheStep) continue;  // most are
    key.add("path", entry.path).add("time", static_cast<std::uint64_t>(lasting));
  }
  return key.finish();
}

}  // namespace pgstrata::filetree
