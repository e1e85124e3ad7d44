// A damaged change-set file gives an error, whatever is asked of it. The checksums that would keep nearly
// every input out are mended first.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/checksum.h"
#include "snapshot/change_set_file.h"

namespace {

constexpr std::size_t kHeaderSize = 80;
constexpr std::size_t kRecordSize = 112;

std::uint32_t number(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

void put(std::string& bytes, std::size_t at, std::uint64_t sum) {
  std::memcpy(bytes.data() + at, &sum, sizeof sum);
}

/// As change_set_file.h writes them out; a record that reaches out of the heap keeps a wrong one.
std::string with_checksums(std::string bytes) {
  if (bytes.size() < kHeaderSize) return bytes;
  put(bytes, kHeaderSize - 8, pgstrata::checksum64(std::string_view(bytes).substr(0, kHeaderSize - 8), 0));
  const std::size_t heap = kHeaderSize + kRecordSize * number(bytes, 8);
  if (heap > bytes.size()) return bytes;
  for (std::size_t at = kHeaderSize; at < heap; at += kRecordSize) {
    std::uint64_t sum = pgstrata::checksum64(std::string_view(bytes).substr(at, kRecordSize - 8), 0);
    for (std::size_t text = at; text < at + 24; text += 8) {
      const std::size_t from = heap + number(bytes, text);
      const std::size_t size = number(bytes, text + 4);
      if (from <= bytes.size() && size > 0)
        sum = pgstrata::checksum64(std::string_view(bytes).substr(from, size), sum);
    }
    put(bytes, at + kRecordSize - 8, sum);
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using pgstrata::snapshot::ChangeSetFile;
  const auto file = ChangeSetFile::from_bytes(
      with_checksums(std::string(reinterpret_cast<const char*>(data), size)), "fuzz");
  if (!file) return 0;
  static_cast<void>(file->verify().has_value());
  static_cast<void>(file->read_all().has_value());
  static_cast<void>(file->find("usr/bin/x").has_value());
  static_cast<void>(file->below("usr", file->all()).has_value());
  return 0;
}
