#include "context/stat_cache.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "filetree/entry.h"
#include "os/file.h"

namespace pgstrata::context {
namespace {

// The bytes [offset, offset + size) of a file; nothing if it doesn't have them (any more).
std::optional<std::string> read_range(int fd, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t done = 0; done < size;) {
    const ssize_t count = ::pread(fd, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::nullopt;
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

bool is_at_or_below(std::string_view path, std::string_view top) {
  return top.empty() || path == top ||
         (path.size() > top.size() && path[top.size()] == '/' && path.starts_with(top));
}

}  // namespace

StatCache::StatCache(std::string path) : path_(std::move(path)) {
  if (!path_.empty()) load();
}

void StatCache::load() {
  os::Fd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  const auto file_size = static_cast<std::uint64_t>(status.st_size);
  if (file_size < CacheIndex::kHeaderSize) return;
  const auto header = read_range(file.get(), 0, CacheIndex::kHeaderSize);
  if (!header) return;
  const auto index_size = CacheIndex::size_from_header(*header);
  if (!index_size || *index_size > file_size) return;
  const auto bytes = read_range(file.get(), 0, *index_size);
  if (!bytes) return;
  auto index = CacheIndex::parse(*bytes, file_size);
  if (!index) return;
  index_ = std::move(*index);
  file_ = std::move(file);
}

const CacheIndex::Directory* StatCache::find(std::string_view path) const {
  const auto& all = index_.directories;
  const auto found = std::lower_bound(all.begin(), all.end(), path, [](const auto& directory, auto wanted) {
    return directory.path < wanted;
  });
  return found != all.end() && found->path == path ? &*found : nullptr;
}

std::optional<std::string> StatCache::read_block(const CacheIndex::Directory& directory) const {
  auto bytes = read_range(file_.get(), directory.offset, directory.size);
  if (!bytes || CacheBlock::checksum(*bytes, directory.count, directory.complete) != directory.checksum)
    return std::nullopt;
  return bytes;
}

std::shared_ptr<const CacheBlock> StatCache::directory(std::string_view path) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto changed = changes_.find(path); changed != changes_.end()) return changed->second;
  }
  // The index and its file never change, so they need no lock.
  const CacheIndex::Directory* known = find(path);
  if (known == nullptr) return nullptr;
  auto bytes = read_block(*known);
  if (!bytes) return nullptr;
  auto block = CacheBlock::parse(std::move(*bytes), known->count, known->complete);
  return block ? std::make_shared<const CacheBlock>(std::move(*block)) : nullptr;
}

void StatCache::replace(const std::string& path, CacheBlock block) {
  auto shared = std::make_shared<const CacheBlock>(std::move(block));
  const std::lock_guard lock(mutex_);
  changes_[path] = std::move(shared);
  dirty_ = true;
}

std::vector<std::string> StatCache::paths_below(std::string_view top) const {
  std::vector<std::string> paths;
  for (const auto& directory : index_.directories)
    if (is_at_or_below(directory.path, top) && !changes_.contains(directory.path))
      paths.push_back(directory.path);
  for (const auto& [path, block] : changes_)
    if (block != nullptr && is_at_or_below(path, top)) paths.push_back(path);
  return paths;
}

void StatCache::forget_others(std::string_view top, const std::vector<std::string_view>& kept) {
  const std::lock_guard lock(mutex_);
  for (std::string& path : paths_below(top)) {
    if (std::binary_search(kept.begin(), kept.end(), std::string_view(path))) continue;
    changes_[std::move(path)] = nullptr;
    dirty_ = true;
  }
}

// Two passes, so that the blocks that stay are read into their place and never lie twice in memory. A block
// that turns out damaged is left out by the first pass, as it was when it was looked up.
std::string StatCache::encode() const {
  CacheIndex next;
  std::vector<std::pair<const CacheBlock*, const CacheIndex::Directory*>> sources;  // one of the two
  const auto add = [&](const std::string& path, const CacheBlock& block) {
    const auto count = static_cast<std::uint32_t>(block.size());
    next.directories.push_back({.path = path,
                                .size = static_cast<std::uint32_t>(block.bytes().size()),
                                .count = count,
                                .checksum = CacheBlock::checksum(block.bytes(), count, block.complete()),
                                .complete = block.complete()});
    sources.emplace_back(&block, nullptr);
  };
  auto change = changes_.begin();
  const auto add_changes_up_to = [&](const std::string* limit) {
    for (; change != changes_.end() && (limit == nullptr || change->first <= *limit); ++change)
      if (change->second != nullptr) add(change->first, *change->second);
  };
  for (const auto& directory : index_.directories) {
    add_changes_up_to(&directory.path);
    if (changes_.contains(directory.path) || !read_block(directory)) continue;
    next.directories.push_back(directory);
    sources.emplace_back(nullptr, &directory);
  }
  add_changes_up_to(nullptr);

  std::uint64_t offset = next.encode().size();
  for (auto& directory : next.directories) {
    directory.offset = offset;
    offset += directory.size;
  }
  std::string out = next.encode();
  out.reserve(offset);
  for (const auto& [block, kept] : sources) {
    if (block != nullptr)
      out += block->bytes();
    else
      out += read_block(*kept).value_or(std::string(kept->size, '\0'));
  }
  return out;
}

Result<void> StatCache::save() {
  const std::lock_guard lock(mutex_);
  if (!dirty_ || path_.empty()) return {};
  const std::string_view parent = filetree::parent_path(path_);
  if (!parent.empty()) TRY_VOID(os::make_directories(std::string(parent), 0700));
  TRY_VOID(os::replace_file(path_, encode(), /*durable=*/false, 0600));
  dirty_ = false;
  return {};
}

}  // namespace pgstrata::context
