#include "cli/epoch_time.h"

#include <fmt/format.h>

#include <algorithm>

#include "layer/tar_reader.h"

namespace pgstrata::cli {
namespace {

using Time = std::optional<std::int64_t>;

/// As BuildKit: what is no archive has no such time, and nor has one that can't be read to its end. A step
/// that unpacks it says why.
Time newest_in_archive(const std::string& path) {
  auto reader = layer::TarReader::open(path);
  if (!reader) return std::nullopt;
  Time newest;
  for (;;) {
    const auto entry = reader->next();
    if (!entry) return std::nullopt;
    if (!*entry) break;
    const filetree::EntryType type = (*entry)->type;
    if (type == filetree::EntryType::kRegular || type == filetree::EntryType::kHardLink)
      newest = std::max(newest.value_or((*entry)->mtime_ns), (*entry)->mtime_ns);
  }
  if (newest) *newest /= 1'000'000'000;
  return newest;
}

Result<Time> source_time(const remote::Source& source, remote::Fetcher& fetcher) {
  Time time = TRY(fetcher.time(source, {}));
  if (time && (*time < -graph::kLatestEpoch || *time > graph::kLatestEpoch))
    return fail({.kind = ErrorKind::kUsage,
                 .what = fmt::format("SOURCE_DATE_EPOCH can't be the time of {}", remote::uri(source)),
                 .why = fmt::format("that is {} seconds after 1970-01-01", *time),
                 .next = fmt::format("give the seconds: a number up to {}", graph::kLatestEpoch)});
  const auto* http = std::get_if<remote::HttpSource>(&source);
  if (time || http == nullptr) return time;
  const std::string directory = TRY(fetcher.directory(source, {}));
  return newest_in_archive(directory + "/" + http->filename);
}

Result<Time> place_time(const ContextPlace& place, const ContextRequest& contexts,
                        remote::Fetcher& fetcher) {
  const auto* source = std::get_if<remote::Source>(&place);
  return source == nullptr ? Time() : source_time(prepared(*source, contexts), fetcher);
}

}  // namespace

Result<Time> epoch_time(const graph::Epoch& epoch, const ContextRequest& contexts,
                        remote::Fetcher& fetcher) {
  if (const auto* seconds = std::get_if<std::int64_t>(&epoch)) return Time(*seconds);
  if (std::holds_alternative<graph::MainContextEpoch>(epoch))
    return place_time(contexts.place, contexts, fetcher);
  if (const auto* source = std::get_if<remote::Source>(&epoch)) return source_time(*source, fetcher);
  const auto named = contexts.named.find(std::get<graph::NamedContextEpoch>(epoch).name);
  return named == contexts.named.end() ? Time() : place_time(named->second, contexts, fetcher);
}

}  // namespace pgstrata::cli
