#include "context/stat_cache_format.h"

#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/checksum.h"
#include "filetree/entry.h"

namespace pgstrata::context {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is written as memory has it");

constexpr std::string_view kMagic = "pgstatc2";
constexpr std::size_t kHeaderSize = 24;
constexpr std::size_t kRowSize = 32;
constexpr std::size_t kRecordSize = 88;
constexpr std::size_t kDigestAt = 56;
constexpr std::uint64_t kHasXattrs = 1;
constexpr std::uint64_t kRacy = 2;
constexpr std::uint32_t kComplete = 1;

template <class T>
T load(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <class T>
void store(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::int64_t nanoseconds(const timespec& time) {
  return filetree::to_nanoseconds(time.tv_sec, time.tv_nsec);
}

}  // namespace

FileStamp FileStamp::of(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .ctime_ns = nanoseconds(status.st_ctim),
          .mtime_ns = nanoseconds(status.st_mtim),
          .size = static_cast<std::uint64_t>(status.st_size),
          .mode = status.st_mode};
}

bool is_racy(std::int64_t ctime_ns, std::int64_t hashed_ns) {
  constexpr std::int64_t kTick = 20'000'000;  // the slowest kernel clock in use ticks every 10 ms
  constexpr std::int64_t kCoarse = 2'000'000'000;
  const std::int64_t granularity = ctime_ns % 1'000'000'000 == 0 ? kCoarse : kTick;
  return ctime_ns > hashed_ns - granularity;
}

std::optional<CacheBlock> CacheBlock::parse(std::string bytes, std::uint32_t count, bool complete) {
  if (bytes.size() / kRecordSize < count) return std::nullopt;
  CacheBlock block;
  block.names_.reserve(count);
  std::size_t at = count * kRecordSize;
  std::string_view previous;
  for (std::size_t i = 0; i < count; ++i) {
    const auto length = load<std::uint32_t>(bytes, i * kRecordSize + 44);
    if (length == 0 || length > bytes.size() - at) return std::nullopt;
    const std::string_view name = std::string_view(bytes).substr(at, length);
    if (i > 0 && name <= previous) return std::nullopt;
    previous = name;
    block.names_.push_back({static_cast<std::uint32_t>(at), length});
    at += length;
  }
  if (at != bytes.size()) return std::nullopt;
  block.bytes_ = std::move(bytes);
  block.complete_ = complete;
  return block;
}

CacheBlock CacheBlock::encode(const std::vector<CacheRecord>& records, bool complete) {
  CacheBlock block;
  std::string& out = block.bytes_;
  out.reserve(records.size() * (kRecordSize + 16));
  for (const auto& [name, file] : records) {
    store(out, file.stamp.device);
    store(out, file.stamp.inode);
    store(out, file.stamp.ctime_ns);
    store(out, file.stamp.mtime_ns);
    store(out, file.stamp.size);
    store(out, file.stamp.mode);
    store(out, static_cast<std::uint32_t>(name.size()));
    store(out, (file.has_xattrs ? kHasXattrs : 0) | (file.racy ? kRacy : 0));
    out.append(reinterpret_cast<const char*>(file.content.bytes.data()), file.content.bytes.size());
  }
  for (const auto& [name, file] : records) {
    block.names_.push_back(
        {static_cast<std::uint32_t>(out.size()), static_cast<std::uint32_t>(name.size())});
    out += name;
  }
  out.shrink_to_fit();
  block.complete_ = complete;
  return block;
}

std::string_view CacheBlock::name(std::size_t i) const {
  return std::string_view(bytes_).substr(names_[i].offset, names_[i].length);
}

KnownFile CacheBlock::file(std::size_t i) const {
  const std::string_view record = std::string_view(bytes_).substr(i * kRecordSize, kRecordSize);
  const auto flags = load<std::uint64_t>(record, 48);
  KnownFile file{.stamp = {.device = load<std::uint64_t>(record, 0),
                           .inode = load<std::uint64_t>(record, 8),
                           .ctime_ns = load<std::int64_t>(record, 16),
                           .mtime_ns = load<std::int64_t>(record, 24),
                           .size = load<std::uint64_t>(record, 32),
                           .mode = load<std::uint32_t>(record, 40)},
                 .has_xattrs = (flags & kHasXattrs) != 0,
                 .racy = (flags & kRacy) != 0};
  std::memcpy(file.content.bytes.data(), record.data() + kDigestAt, file.content.bytes.size());
  return file;
}

std::size_t CacheBlock::find(std::string_view wanted) const {
  std::size_t low = 0;
  std::size_t high = size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (name(middle) < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return low < size() && name(low) == wanted ? low : size();
}

std::uint64_t CacheBlock::checksum(std::string_view bytes, std::uint32_t count, bool complete) {
  return checksum64(bytes, (static_cast<std::uint64_t>(count) << 1) | (complete ? 1 : 0));
}

std::optional<CacheIndex> CacheIndex::parse(std::string_view bytes, std::uint64_t blocks_size) {
  if (bytes.size() < kHeaderSize || !bytes.starts_with(kMagic)) return std::nullopt;
  const std::size_t size =
      kHeaderSize + kRowSize * load<std::uint32_t>(bytes, 8) + load<std::uint32_t>(bytes, 12);
  if (size != bytes.size()) return std::nullopt;
  std::string summed(bytes.substr(8, 8));
  summed += bytes.substr(kHeaderSize);
  if (checksum64(summed, 0) != load<std::uint64_t>(bytes, 16)) return std::nullopt;

  const auto count = load<std::uint32_t>(bytes, 8);
  CacheIndex index;
  index.directories.reserve(count);
  std::size_t path_at = kHeaderSize + kRowSize * count;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view row = bytes.substr(kHeaderSize + kRowSize * i, kRowSize);
    const auto path_length = load<std::uint32_t>(row, 24);
    if (path_length > bytes.size() - path_at) return std::nullopt;
    Directory directory{.path = std::string(bytes.substr(path_at, path_length)),
                        .offset = load<std::uint64_t>(row, 0),
                        .size = load<std::uint32_t>(row, 8),
                        .count = load<std::uint32_t>(row, 12),
                        .checksum = load<std::uint64_t>(row, 16),
                        .complete = (load<std::uint32_t>(row, 28) & kComplete) != 0};
    path_at += path_length;
    if (directory.offset > blocks_size || directory.size > blocks_size - directory.offset)
      return std::nullopt;
    if (i > 0 && directory.path <= index.directories.back().path) return std::nullopt;
    index.directories.push_back(std::move(directory));
  }
  if (path_at != bytes.size()) return std::nullopt;
  return index;
}

std::string CacheIndex::encode() const {
  std::string rest;
  std::string paths;
  for (const Directory& directory : directories) {
    store(rest, directory.offset);
    store(rest, directory.size);
    store(rest, directory.count);
    store(rest, directory.checksum);
    store(rest, static_cast<std::uint32_t>(directory.path.size()));
    store(rest, directory.complete ? kComplete : 0U);
    paths += directory.path;
  }
  rest += paths;
  std::string counts;
  store(counts, static_cast<std::uint32_t>(directories.size()));
  store(counts, static_cast<std::uint32_t>(paths.size()));
  std::string out(kMagic);
  out += counts;
  store(out, checksum64(counts + rest, 0));
  return out += rest;
}

}  // namespace pgstrata::context
