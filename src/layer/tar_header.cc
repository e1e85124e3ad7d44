#include "layer/tar_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <string_view>

namespace pgstrata::layer {
namespace {

using filetree::Entry;
using filetree::EntryType;

constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";
constexpr std::size_t kNameSize = 100;
constexpr std::int64_t kNanoseconds = 1'000'000'000;

/// struct posix_header; every field is text.
struct Header {
  std::array<char, kNameSize> name;
  std::array<char, 8> mode;
  std::array<char, 8> uid;
  std::array<char, 8> gid;
  std::array<char, 12> size;
  std::array<char, 12> mtime;
  std::array<char, 8> checksum;
  char type;
  std::array<char, kNameSize> link;
  std::array<char, 8> magic_and_version;
  std::array<char, 32> user;
  std::array<char, 32> group;
  std::array<char, 8> device_major;
  std::array<char, 8> device_minor;
  std::array<char, 155> prefix;
  std::array<char, 12> padding;
};
static_assert(sizeof(Header) == kTarBlock);

template <std::size_t N>
constexpr std::uint64_t octal_limit() {
  return (std::uint64_t{1} << (3 * (N - 1))) - 1;
}

/// Zero-padded octal digits and a NUL.
template <std::size_t N>
void put_octal(std::array<char, N>& field, std::uint64_t value) {
  for (std::size_t i = N - 1; i-- > 0; value >>= 3) field[i] = static_cast<char>('0' + (value & 7));
  field[N - 1] = '\0';
}

template <std::size_t N>
void put_text(std::array<char, N>& field, std::string_view text) {
  std::copy_n(text.begin(), std::min(text.size(), N), field.begin());
}

void append_block(std::string& out, Header& header) {
  constexpr std::string_view kMagic("ustar\00000", 8);
  put_text(header.magic_and_version, kMagic);
  header.checksum.fill(' ');
  const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < sizeof header; ++i) sum += bytes[i];
  fmt::format_to(header.checksum.begin(), "{:06o}", sum);  // six digits, NUL, space
  header.checksum[6] = '\0';
  out.append(reinterpret_cast<const char*>(&header), sizeof header);
}

/// The pax records of one entry; a map, so that they ascend by key.
using Records = std::map<std::string, std::string>;

/// "LENGTH KEY=VALUE\n", where the length counts its own digits.
void append_record(std::string& out, std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (rest + std::to_string(length).size() != length) length = rest + std::to_string(length).size();
  out += fmt::format("{} ", length);
  out += key;
  out += '=';
  out += value;
  out += '\n';
}

void append_extended_header(std::string& out, const Records& records, std::string_view name) {
  std::string body;
  for (const auto& [key, value] : records) append_record(body, key, value);
  Header header{};
  put_text(header.name, fmt::format("PaxHeaders/{}", filetree::base_name(name)));
  put_octal(header.mode, 0644);
  put_octal(header.uid, 0);
  put_octal(header.gid, 0);
  put_octal(header.size, body.size());
  put_octal(header.mtime, 0);
  put_octal(header.device_major, 0);
  put_octal(header.device_minor, 0);
  header.type = 'x';
  append_block(out, header);
  out += body;
  out.append(tar_padding(body.size()), '\0');
}

template <std::size_t N>
void put_text_or_record(std::array<char, N>& field, std::string_view text, std::string_view key,
                        Records& records) {
  put_text(field, text);
  if (text.size() > N) records.emplace(key, text);
}

template <std::size_t N>
void put_number_or_record(std::array<char, N>& field, std::int64_t value, std::string_view key,
                          Records& records) {
  const bool fits = value >= 0 && static_cast<std::uint64_t>(value) <= octal_limit<N>();
  put_octal(field, fits ? static_cast<std::uint64_t>(value) : 0);
  if (!fits) records.emplace(key, std::to_string(value));
}

char type_flag(EntryType type) {
  switch (type) {
    case EntryType::kHardLink:
      return '1';
    case EntryType::kSymlink:
      return '2';
    case EntryType::kCharDevice:
      return '3';
    case EntryType::kBlockDevice:
      return '4';
    case EntryType::kDirectory:
      return '5';
    case EntryType::kFifo:
      return '6';
    case EntryType::kRegular:
    case EntryType::kWhiteout:
      break;
  }
  return '0';
}

std::string tar_name(const Entry& entry) {
  if (entry.path.empty()) return "./";
  if (entry.type == EntryType::kDirectory) return entry.path + "/";
  if (entry.type != EntryType::kWhiteout) return entry.path;
  std::string name(filetree::parent_path(entry.path));
  if (!name.empty()) name += '/';
  name += kWhiteoutPrefix;
  name += filetree::base_name(entry.path);
  return name;
}

void append_encoded(std::string& out, const Entry& entry, const std::string& name) {
  Header header{};
  Records records;
  put_text_or_record(header.name, name, "path", records);
  put_text_or_record(header.link, entry.link, "linkpath", records);
  put_octal(header.mode, entry.mode & 07777);
  put_number_or_record(header.uid, entry.uid, "uid", records);
  put_number_or_record(header.gid, entry.gid, "gid", records);
  put_number_or_record(header.size, static_cast<std::int64_t>(entry.size), "size", records);
  std::int64_t seconds = entry.mtime_ns / kNanoseconds;
  if (entry.mtime_ns % kNanoseconds < 0) --seconds;
  put_number_or_record(header.mtime, seconds, "mtime", records);
  put_octal(header.device_major, entry.device_major);
  put_octal(header.device_minor, entry.device_minor);
  for (const auto& [key, value] : entry.xattrs) records.emplace("SCHILY.xattr." + key, value);
  header.type = type_flag(entry.type);
  if (!records.empty()) append_extended_header(out, records, entry.path);
  append_block(out, header);
}

Error unfit(const Entry& entry, std::string why) {
  return {.kind = ErrorKind::kUsage,
          .what = "an image layer can't hold this file",
          .where = "/" + entry.path,
          .why = std::move(why),
          .next = "remove or rename it in the step that makes it"};
}

}  // namespace

Result<void> append_header(std::string& out, const Entry& entry) {
  if (filetree::base_name(entry.path).starts_with(kWhiteoutPrefix))
    return fail(unfit(entry, "in a layer, names that begin with .wh. stand for deletions"));
  if (entry.path.find('\0') != std::string::npos || entry.link.find('\0') != std::string::npos)
    return fail(unfit(entry, "its name or link target has a NUL byte"));
  for (const auto& [key, value] : entry.xattrs)
    if (key.find('=') != std::string::npos || key.find('\0') != std::string::npos)
      return fail(unfit(entry, "its extended attribute " + key + " has a name that tar can't hold"));

  if (entry.type == EntryType::kWhiteout) {
    append_encoded(out, Entry{.path = entry.path, .type = EntryType::kWhiteout}, tar_name(entry));
    return {};
  }
  append_encoded(out, entry, tar_name(entry));
  if (entry.type == EntryType::kDirectory && entry.opaque) {
    const std::string marker = (entry.path.empty() ? "" : entry.path + "/") + std::string(kOpaqueMarker);
    append_encoded(out, Entry{.path = marker}, marker);
  }
  return {};
}

}  // namespace pgstrata::layer
