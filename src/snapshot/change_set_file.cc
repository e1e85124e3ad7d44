#include "snapshot/change_set_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "core/checksum.h"
#include "os/file.h"

namespace pgstrata::snapshot {
namespace {

using filetree::Entry;
using filetree::EntryType;

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::string_view kMagic = "pgschg2\n";
constexpr std::size_t kHeaderSize = 80;
constexpr std::size_t kHeaderCheckAt = 72;
constexpr std::size_t kBodyDigestAt = 24;
constexpr std::size_t kRecordSize = 112;
constexpr std::size_t kRecordCheckAt = 104;
constexpr std::uint8_t kOpaque = 1;
constexpr std::uint8_t kImplied = 2;
constexpr auto kLastType = static_cast<std::uint8_t>(EntryType::kWhiteout);

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <class T>
void append(std::string& out, T value) {
  std::array<char, sizeof value> bytes;
  std::memcpy(bytes.data(), &value, sizeof value);
  out.append(bytes.data(), bytes.size());
}

std::string_view text_at(const std::byte* at, std::size_t size) {
  return {reinterpret_cast<const char*>(at), size};
}

std::string encode_xattrs(const std::vector<filetree::Xattr>& xattrs) {
  std::string out;
  for (const auto& [name, value] : xattrs) {
    append(out, static_cast<std::uint32_t>(name.size()));
    append(out, static_cast<std::uint32_t>(value.size()));
    out += name;
    out += value;
  }
  return out;
}

/// Nothing if the lengths don't add up.
std::optional<std::vector<filetree::Xattr>> decode_xattrs(std::string_view text) {
  std::vector<filetree::Xattr> xattrs;
  while (!text.empty()) {
    if (text.size() < 8) return std::nullopt;
    const auto* at = reinterpret_cast<const std::byte*>(text.data());
    const std::size_t name_size = load<std::uint32_t>(at);
    const std::size_t value_size = load<std::uint32_t>(at + 4);
    text.remove_prefix(8);
    if (name_size > text.size() || value_size > text.size() - name_size) return std::nullopt;
    xattrs.emplace_back(text.substr(0, name_size), text.substr(name_size, value_size));
    text.remove_prefix(name_size + value_size);
  }
  return xattrs;
}

Error unfit(const Entry& entry, std::string why) {
  return {.kind = ErrorKind::kCorrupt,
          .what = "not a valid change set",
          .where = "/" + entry.path,
          .why = std::move(why)};
}

Result<void> check_order(std::span<const Entry> changes) {
  const auto is_less = [](const Entry& entry, std::string_view path) { return entry.path < path; };
  std::string_view known_parent;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const Entry& entry = changes[i];
    if (i > 0 && changes[i - 1].path >= entry.path)
      return fail(unfit(entry, "it is out of order, or there twice"));
    const std::string_view parent = filetree::parent_path(entry.path);
    if (parent.empty() || parent == known_parent) continue;
    const auto found = std::lower_bound(changes.begin(), changes.begin() + static_cast<std::ptrdiff_t>(i),
                                        parent, is_less);
    if (found->path != parent || found->type != EntryType::kDirectory)
      return fail(unfit(entry, "its parent directory is missing"));
    known_parent = parent;
  }
  return {};
}

/// Of a record: its own bytes, up to the checksum, and its texts. Their lengths are among its bytes, so
/// that empty ones need no part in it.
std::uint64_t record_checksum(std::string_view record, const std::array<std::string_view, 3>& texts) {
  std::uint64_t sum = checksum64(record.substr(0, kRecordCheckAt), 0);
  for (const std::string_view text : texts)
    if (!text.empty()) sum = checksum64(text, sum);
  return sum;
}

template <class T>
void store(char*& at, T value) {
  std::memcpy(at, &value, sizeof value);
  at += sizeof value;
}

void append_record(std::string& records, std::string& heap, const Entry& entry) {
  const std::string xattrs = encode_xattrs(entry.xattrs);
  const std::array<std::string_view, 3> texts{entry.path, entry.link, xattrs};
  std::array<char, kRecordSize> record;
  char* at = record.data();
  for (const std::string_view text : texts) {
    store(at, static_cast<std::uint32_t>(heap.size()));
    store(at, static_cast<std::uint32_t>(text.size()));
    heap += text;
  }
  store(at, static_cast<std::uint8_t>(entry.type));
  store(at, static_cast<std::uint8_t>((entry.opaque ? kOpaque : 0) | (entry.implied ? kImplied : 0)));
  store(at, std::uint16_t{0});
  store(at, entry.mode);
  store(at, entry.uid);
  store(at, entry.gid);
  store(at, entry.device_major);
  store(at, entry.device_minor);
  store(at, entry.size);
  store(at, entry.mtime_ns);
  store(at, entry.tar_offset);
  store(at, entry.content.bytes);
  store(at, record_checksum(std::string_view(record.data(), record.size()), texts));
  records.append(record.data(), record.size());
}

std::string header(std::size_t count, std::size_t heap_size, const oci::Digest& body) {
  std::string out(kMagic);
  append(out, static_cast<std::uint32_t>(count));
  append(out, static_cast<std::uint32_t>(kRecordSize));
  append(out, std::uint64_t{heap_size});
  out.append(reinterpret_cast<const char*>(body.bytes.data()), body.bytes.size());
  out.append(kHeaderCheckAt - out.size(), '\0');
  append(out, checksum64(out, 0));
  return out;
}

}  // namespace

Result<std::string> serialise(std::span<const Entry> changes) {
  TRY_VOID(check_order(changes));
  std::string out(kHeaderSize, '\0');
  std::string heap;
  out.reserve(kHeaderSize + changes.size() * kRecordSize);
  for (const Entry& entry : changes) {
    append_record(out, heap, entry);
    if (heap.size() > std::numeric_limits<std::uint32_t>::max())
      return fail(unfit(entry, "the names and attributes of the layer exceed 4 GB"));
  }
  out += heap;
  const oci::Digest body = oci::sha256(std::string_view(out).substr(kHeaderSize));
  out.replace(0, kHeaderSize, header(changes.size(), heap.size(), body));
  return out;
}

Result<ChangeSetFile> ChangeSetFile::open(const std::string& path) {
  const os::Fd fd = TRY(os::open(path, O_RDONLY));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail(system_error("can't read a change set", path));
  ChangeSetFile file;
  file.name_ = path;
  file.length_ = static_cast<std::size_t>(status.st_size);
  if (file.length_ < kHeaderSize) return fail(file.damaged("it is shorter than its header"));
  void* memory = ::mmap(nullptr, file.length_, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return fail(system_error("can't map a change set", path));
  file.data_ = static_cast<const std::byte*>(memory);
  file.mapped_ = true;
  TRY_VOID(file.check_header());
  return file;
}

Result<ChangeSetFile> ChangeSetFile::from_bytes(std::string bytes, std::string name) {
  ChangeSetFile file;
  file.name_ = std::move(name);
  file.owned_ = std::move(bytes);
  file.data_ = reinterpret_cast<const std::byte*>(file.owned_.data());
  file.length_ = file.owned_.size();
  if (file.length_ < kHeaderSize) return fail(file.damaged("it is shorter than its header"));
  TRY_VOID(file.check_header());
  return file;
}

ChangeSetFile::ChangeSetFile(ChangeSetFile&& other) noexcept { *this = std::move(other); }

ChangeSetFile& ChangeSetFile::operator=(ChangeSetFile&& other) noexcept {
  if (this == &other) return *this;
  unmap();
  name_ = std::move(other.name_);
  owned_ = std::move(other.owned_);
  length_ = std::exchange(other.length_, 0);
  mapped_ = std::exchange(other.mapped_, false);
  // A moved string may live at another address (the small-string buffer).
  const std::byte* theirs = std::exchange(other.data_, nullptr);
  data_ = mapped_ || theirs == nullptr ? theirs : reinterpret_cast<const std::byte*>(owned_.data());
  count_ = std::exchange(other.count_, 0);
  heap_at_ = std::exchange(other.heap_at_, 0);
  return *this;
}

ChangeSetFile::~ChangeSetFile() { unmap(); }

void ChangeSetFile::unmap() {
  if (mapped_) ::munmap(const_cast<std::byte*>(data_), length_);
  mapped_ = false;
  data_ = nullptr;
}

Result<void> ChangeSetFile::check_header() {
  if (text_at(data_, kMagic.size()) != kMagic) return fail(damaged("it doesn't begin like one"));
  if (checksum64(text_at(data_, kHeaderCheckAt), 0) != load<std::uint64_t>(data_ + kHeaderCheckAt))
    return fail(damaged("the checksum of its header is wrong"));
  if (load<std::uint32_t>(data_ + 12) != kRecordSize) return fail(damaged("its records have another size"));
  const std::size_t count = load<std::uint32_t>(data_ + 8);
  const std::uint64_t heap_size = load<std::uint64_t>(data_ + 16);
  const std::size_t records_end = kHeaderSize + count * kRecordSize;
  if (records_end > length_ || heap_size != length_ - records_end)
    return fail(
        damaged(fmt::format("its header promises {} bytes, it has {}", records_end + heap_size, length_)));
  count_ = count;
  heap_at_ = records_end;
  return {};
}

const std::byte* ChangeSetFile::record(std::size_t index) const {
  return data_ + kHeaderSize + index * kRecordSize;
}

std::optional<std::string_view> ChangeSetFile::heap_text(const std::byte* offset_and_size) const {
  const std::size_t offset = load<std::uint32_t>(offset_and_size);
  const std::size_t size = load<std::uint32_t>(offset_and_size + 4);
  const std::size_t heap_size = length_ - heap_at_;
  if (offset > heap_size || size > heap_size - offset) return std::nullopt;
  return text_at(data_ + heap_at_ + offset, size);
}

Result<Entry> ChangeSetFile::entry(std::size_t index) const {
  const std::byte* at = record(index);
  const auto path = heap_text(at);
  const auto link = heap_text(at + 8);
  const auto xattrs = heap_text(at + 16);
  const auto bad = [&] { return fail(damaged(fmt::format("record {} contradicts its checksum", index))); };
  if (!path || !link || !xattrs) return bad();
  const std::uint64_t check = record_checksum(text_at(at, kRecordSize), {*path, *link, *xattrs});
  const auto type = load<std::uint8_t>(at + 24);
  const auto flags = load<std::uint8_t>(at + 25);
  auto decoded = decode_xattrs(*xattrs);
  if (check != load<std::uint64_t>(at + kRecordCheckAt) || type > kLastType || !decoded) return bad();
  Entry entry;
  entry.path = *path;
  entry.type = static_cast<EntryType>(type);
  entry.opaque = (flags & kOpaque) != 0;
  entry.implied = (flags & kImplied) != 0;
  entry.mode = load<std::uint32_t>(at + 28);
  entry.uid = load<std::uint32_t>(at + 32);
  entry.gid = load<std::uint32_t>(at + 36);
  entry.device_major = load<std::uint32_t>(at + 40);
  entry.device_minor = load<std::uint32_t>(at + 44);
  entry.size = load<std::uint64_t>(at + 48);
  entry.mtime_ns = load<std::int64_t>(at + 56);
  entry.tar_offset = load<std::uint64_t>(at + 64);
  entry.link = *link;
  entry.xattrs = *std::move(decoded);
  std::memcpy(entry.content.bytes.data(), at + 72, entry.content.bytes.size());
  return entry;
}

Result<bool> ChangeSetFile::says_the_same(std::size_t index, const ChangeSetFile& other,
                                          std::size_t other_index) const {
  const std::byte* at = record(index);
  const std::byte* other_at = other.record(other_index);
  for (const std::size_t text : {8U, 16U}) {
    const auto mine = heap_text(at + text);
    const auto theirs = other.heap_text(other_at + text);
    if (!mine) return fail(damaged(fmt::format("record {} is out of bounds", index)));
    if (!theirs) return fail(other.damaged(fmt::format("record {} is out of bounds", other_index)));
    if (*mine != *theirs) return false;
  }
  const auto flags = load<std::uint8_t>(at + 25) ^ load<std::uint8_t>(other_at + 25);
  // From mode to size, and the content; see the format.
  return at[24] == other_at[24] && (flags & kOpaque) == 0 && std::memcmp(at + 28, other_at + 28, 28) == 0 &&
         std::memcmp(at + 72, other_at + 72, 32) == 0;
}

bool ChangeSetFile::mentions(std::string_view text) const {
  return text_at(data_ + heap_at_, length_ - heap_at_).find(text) != std::string_view::npos;
}

Result<ChangeSetFile::Head> ChangeSetFile::head(std::size_t index) const {
  const std::byte* at = record(index);
  const auto path = heap_text(at);
  const auto type = load<std::uint8_t>(at + 24);
  if (!path || type > kLastType) return fail(damaged(fmt::format("record {} is out of bounds", index)));
  return Head{*path, static_cast<EntryType>(type), (load<std::uint8_t>(at + 25) & kOpaque) != 0};
}

Result<std::size_t> ChangeSetFile::lower_bound(std::string_view path, Range within) const {
  while (within.begin < within.end) {
    const std::size_t middle = within.begin + (within.end - within.begin) / 2;
    const auto text = heap_text(record(middle));
    if (!text) return fail(damaged(fmt::format("record {} is out of bounds", middle)));
    if (*text < path)
      within.begin = middle + 1;
    else
      within.end = middle;
  }
  return within.begin;
}

Result<std::optional<std::size_t>> ChangeSetFile::find_index(std::string_view path, Range within) const {
  const std::size_t at = TRY(lower_bound(path, within));
  if (at == within.end || heap_text(record(at)) != path) return std::nullopt;
  return at;
}

Result<std::optional<Entry>> ChangeSetFile::find(std::string_view path) const {
  const auto at = TRY(find_index(path, all()));
  if (!at) return std::nullopt;
  return TRY(entry(*at));
}

Result<ChangeSetFile::Range> ChangeSetFile::below(std::string_view directory, Range within) const {
  if (directory.empty()) {
    const bool has_root = within.begin < within.end && heap_text(record(within.begin)) == "";
    return Range{within.begin + (has_root ? 1 : 0), within.end};
  }
  std::string bound(directory);
  bound += '/';
  within.begin = TRY(lower_bound(bound, within));
  bound.back() = '/' + 1;
  within.end = TRY(lower_bound(bound, within));
  return within;
}

Result<std::vector<std::size_t>> ChangeSetFile::children(std::string_view directory, Range below) const {
  std::vector<std::size_t> found;
  const std::size_t name_at = directory.empty() ? 0 : directory.size() + 1;
  while (below.begin < below.end) {
    const auto path = heap_text(record(below.begin));
    if (!path || path->size() < name_at)
      return fail(damaged(fmt::format("record {} is out of bounds", below.begin)));
    const auto slash = path->find('/', name_at);
    if (slash == std::string_view::npos) {
      found.push_back(below.begin++);
      continue;
    }
    // The subtree of a child: skip it as a whole.
    std::string bound(path->substr(0, slash));
    bound += static_cast<char>('/' + 1);
    below.begin = TRY(lower_bound(bound, {below.begin + 1, below.end}));
  }
  return found;
}

Result<filetree::ChangeSet> ChangeSetFile::read_all() const {
  filetree::ChangeSet changes;
  changes.reserve(count_);
  for (std::size_t i = 0; i < count_; ++i) changes.push_back(TRY(entry(i)));
  return changes;
}

Result<void> ChangeSetFile::verify() const {
  oci::Digest stored;
  std::memcpy(stored.bytes.data(), data_ + kBodyDigestAt, stored.bytes.size());
  const oci::Digest actual = oci::sha256(text_at(data_ + kHeaderSize, length_ - kHeaderSize));
  if (stored != actual)
    return fail(damaged(fmt::format("its content is {}, its header says {}", actual.str(), stored.str())));
  return {};
}

Error ChangeSetFile::damaged(std::string why) const {
  return {.kind = ErrorKind::kCorrupt,
          .what = "a stored change set is damaged",
          .where = name_,
          .why = std::move(why),
          .next = "pgstrata check-store --repair"};
}

}  // namespace pgstrata::snapshot
