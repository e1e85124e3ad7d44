#include "store/previous_layer.h"

#include <unistd.h>

namespace pgstrata::store {
namespace {

constexpr std::size_t kWindow = 1 << 20;
/// Bigger files are as well read from where they are.
constexpr std::uint64_t kSmallFile = 64 * 1024;

}  // namespace

snapshot::ContentOpener PreviousLayer::before(snapshot::ContentOpener source) {
  return [this, source = std::move(source)](const filetree::Entry& entry) { return open(entry, source); };
}

Result<filetree::Content> PreviousLayer::open(const filetree::Entry& entry,
                                              const snapshot::ContentOpener& source) {
  if (entry.size == 0 || entry.size > kSmallFile || entry.content.is_none()) return source(entry);
  const std::uint64_t offset = find(entry);
  const std::string_view bytes = offset == 0 ? std::string_view() : read(offset, entry.size);
  if (bytes.empty()) return source(entry);
  filetree::Content content;
  content.size = bytes.size();
  content.text = bytes;
  return content;
}

std::uint64_t PreviousLayer::find(const filetree::Entry& entry) {
  for (; next_ < changes_.size(); ++next_) {
    const auto head = changes_.head(next_);
    if (!head) return 0;
    if (head->path < entry.path) continue;
    if (head->path > entry.path) return 0;
    const auto known = changes_.entry(next_);
    const bool same = known && known->content == entry.content && known->size == entry.size;
    return same ? known->tar_offset : 0;
  }
  return 0;
}

std::string_view PreviousLayer::read(std::uint64_t offset, std::uint64_t size) {
  const bool inside = offset >= window_offset_ && offset + size <= window_offset_ + window_.size();
  if (!inside) {
    window_.resize(kWindow);
    const ssize_t got = ::pread(tar_.get(), window_.data(), window_.size(), static_cast<off_t>(offset));
    window_.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    window_offset_ = offset;
    if (window_.size() < size) return {};
  }
  return std::string_view(window_).substr(offset - window_offset_, size);
}

}  // namespace pgstrata::store
