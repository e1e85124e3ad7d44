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

std::uint64_t size_of(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

/// No file if it isn't there, or something else than a regular file.
os::Fd open_regular(const std::string& path, int flags) {
  os::Fd file(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return file;
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
  const os::Fd index_file = open_regular(path_, O_RDONLY);
  os::Fd blocks = open_regular(blocks_path(), O_RDWR | O_APPEND);
  if (!index_file || !blocks) return;
  const auto bytes = read_range(index_file.get(), 0, size_of(index_file.get()));
  if (!bytes) return;
  auto index = CacheIndex::parse(*bytes, size_of(blocks.get()));
  if (!index) return;
  index_ = std::move(*index);
  blocks_ = std::move(blocks);
}

const CacheIndex::Directory* StatCache::find(std::string_view path) const {
  const auto& all = index_.directories;
  const auto found = std::lower_bound(all.begin(), all.end(), path, [](const auto& directory, auto wanted) {
    return directory.path < wanted;
  });
  return found != all.end() && found->path == path ? &*found : nullptr;
}

std::optional<std::string> StatCache::read_block(const CacheIndex::Directory& directory) const {
  auto bytes = read_range(blocks_.get(), directory.offset, directory.size);
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

StatCache::Next StatCache::next() const {
  Next next;
  auto change = changes_.begin();
  const auto add_changes_up_to = [&](const std::string* limit) {
    for (; change != changes_.end() && (limit == nullptr || change->first <= *limit); ++change) {
      const CacheBlock* block = change->second.get();
      if (block == nullptr) continue;
      const auto count = static_cast<std::uint32_t>(block->size());
      next.index.directories.push_back(
          {.path = change->first,
           .size = static_cast<std::uint32_t>(block->bytes().size()),
           .count = count,
           .checksum = CacheBlock::checksum(block->bytes(), count, block->complete()),
           .complete = block->complete()});
      next.fresh.push_back(block);
    }
  };
  for (const auto& directory : index_.directories) {
    add_changes_up_to(&directory.path);
    if (changes_.contains(directory.path)) continue;
    next.index.directories.push_back(directory);
    next.fresh.push_back(nullptr);
  }
  add_changes_up_to(nullptr);
  return next;
}

bool StatCache::is_worth_appending(const Next& next) const {
  struct stat status {};
  if (!blocks_ || ::fstat(blocks_.get(), &status) != 0 || status.st_nlink == 0) return false;
  std::uint64_t live = 0;
  std::uint64_t fresh = 0;
  for (std::size_t i = 0; i < next.fresh.size(); ++i)
    (next.fresh[i] == nullptr ? live : fresh) += next.index.directories[i].size;
  return static_cast<std::uint64_t>(status.st_size) + fresh <= 2 * (live + fresh);
}

// One write: with O_APPEND the kernel lets no other process's come between, and the file position tells
// where it went.
Result<void> StatCache::append_blocks(Next& next) {
  std::string bytes;
  for (const CacheBlock* block : next.fresh)
    if (block != nullptr) bytes += block->bytes();
  TRY_VOID(os::write_all(blocks_.get(), bytes, blocks_path()));
  const off_t end = ::lseek(blocks_.get(), 0, SEEK_CUR);
  if (end < 0) return fail(system_error("can't append to the stat cache", blocks_path()));
  std::uint64_t offset = static_cast<std::uint64_t>(end) - bytes.size();
  for (std::size_t i = 0; i < next.fresh.size(); ++i) {
    if (next.fresh[i] == nullptr) continue;
    next.index.directories[i].offset = offset;
    offset += next.index.directories[i].size;
  }
  return {};
}

Result<void> StatCache::rewrite_blocks(Next& next) {
  std::string bytes;
  CacheIndex kept;
  for (std::size_t i = 0; i < next.fresh.size(); ++i) {
    CacheIndex::Directory& directory = next.index.directories[i];
    const auto old = next.fresh[i] == nullptr ? read_block(directory) : std::nullopt;
    if (next.fresh[i] == nullptr && !old) continue;  // damaged, as it was when it was looked up
    directory.offset = bytes.size();
    bytes += old ? *old : next.fresh[i]->bytes();
    kept.directories.push_back(std::move(directory));
  }
  next.index = std::move(kept);
  return os::replace_file(blocks_path(), bytes, /*durable=*/false, 0600);
}

Result<void> StatCache::save() {
  const std::lock_guard lock(mutex_);
  if (!dirty_ || path_.empty()) return {};
  const std::string_view parent = filetree::parent_path(path_);
  if (!parent.empty()) TRY_VOID(os::make_directories(std::string(parent), 0700));
  Next written = next();
  TRY_VOID(is_worth_appending(written) ? append_blocks(written) : rewrite_blocks(written));
  TRY_VOID(os::replace_file(path_, written.index.encode(), /*durable=*/false, 0600));
  dirty_ = false;
  return {};
}

}  // namespace pgstrata::context
