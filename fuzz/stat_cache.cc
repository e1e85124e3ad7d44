// A damaged stat cache is no cache: its index and its blocks take any bytes. The checksum that would keep
// nearly every input out is mended first.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "context/stat_cache_format.h"
#include "core/checksum.h"

namespace {

using pgstrata::context::CacheBlock;
using pgstrata::context::CacheIndex;

constexpr std::uint64_t kBlocksSize = std::uint64_t{1} << 32;

void check(bool holds) {
  if (!holds) std::abort();
}

void read_index(std::string bytes) {
  if (bytes.size() >= 24) {
    const std::uint64_t sum = pgstrata::checksum64(bytes.substr(8, 8) + bytes.substr(24), 0);
    std::memcpy(bytes.data() + 16, &sum, sizeof sum);
  }
  const auto index = CacheIndex::parse(bytes, kBlocksSize);
  if (!index) return;
  for (const auto& directory : index->directories) check(directory.offset + directory.size <= kBlocksSize);
  check(std::ranges::is_sorted(index->directories, {}, &CacheIndex::Directory::path));
  const auto again = CacheIndex::parse(index->encode(), kBlocksSize);
  check(again && again->directories.size() == index->directories.size());
}

void read_block(const std::string& bytes, std::uint32_t count) {
  const auto block = CacheBlock::parse(bytes, count, true);
  if (!block) return;
  check(block->size() == count);
  std::vector<pgstrata::context::CacheRecord> records;
  for (std::size_t i = 0; i < block->size(); ++i) {
    check(block->find(block->name(i)) == i);
    records.push_back({std::string(block->name(i)), block->file(i)});
  }
  const auto again = CacheBlock::parse(CacheBlock::encode(records, true).bytes(), count, true);
  check(again && again->size() == count);
  for (std::size_t i = 0; i < count; ++i) check(again->file(i) == records[i].file);
}

}  // namespace

// "B" and a count of records: a block. Anything else is an index.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  if (size >= 2 && bytes[0] == 'B')
    read_block(bytes.substr(2), data[1]);
  else
    read_index(bytes);
  return 0;
}
