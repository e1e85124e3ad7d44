#include "layer/tar_writer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "layer/tar_header.h"

namespace pgstrata::layer {
namespace {

using filetree::ChangeSet;
using filetree::Content;
using filetree::Entry;
using filetree::EntryType;

constexpr std::int64_t kNanoseconds = 1'000'000'000;

/// Whole seconds, rounded down, and no later than the epoch given.
std::int64_t written_mtime(std::int64_t mtime_ns, const WriteOptions& options) {
  std::int64_t rest = mtime_ns % kNanoseconds;
  if (rest < 0) rest += kNanoseconds;
  const std::int64_t whole = mtime_ns - rest;
  if (!options.source_date_epoch) return whole;
  return std::min(whole, *options.source_date_epoch * kNanoseconds);
}

Error changed(const Entry& entry, std::string why) {
  return {.kind = ErrorKind::kIo,
          .what = "a file changed while it was read",
          .where = "/" + entry.path,
          .why = std::move(why),
          .next = "build again when nothing writes to it"};
}

Error invalid(const Entry& entry, std::string why) {
  return {.kind = ErrorKind::kCorrupt,
          .what = "not a valid change set",
          .where = "/" + entry.path,
          .why = std::move(why)};
}

Result<void> check(const ChangeSet& changes) {
  const auto is_less = [](const Entry& entry, const std::string& path) { return entry.path < path; };
  for (auto entry = changes.begin(); entry != changes.end(); ++entry) {
    if (entry != changes.begin() && entry[-1].path == entry->path)
      return fail(invalid(*entry, "the path is there twice"));
    if (entry->type != EntryType::kHardLink) continue;
    const auto target = std::lower_bound(changes.begin(), entry, entry->link, is_less);
    if (target == entry || target->path != entry->link || target->type != EntryType::kRegular)
      return fail(invalid(*entry, "it is a hard link to /" + entry->link + ", which is no file before it"));
  }
  return {};
}

class Writer {
 public:
  Writer(const snapshot::ContentOpener& open, const ByteSink& sink) : open_(open), out_(sink) {}

  Result<void> add(Entry& entry) {
    header_.clear();
    TRY_VOID(append_header(header_, entry));
    TRY_VOID(out_.append(header_));
    if (entry.type != EntryType::kRegular) return {};
    // `open` may need the offset that the entry has in another tar.
    Content content = TRY(open_(entry));
    entry.tar_offset = out_.offset();
    if (!content.fd) content.size = content.text.size();
    if (content.size != entry.size)
      return fail(changed(entry, fmt::format("it has {} bytes, not {}", content.size, entry.size)));
    if (content.fd)
      TRY_VOID(copy_file(entry, content));
    else
      TRY_VOID(copy_text(content.text));
    const oci::Digest digest = hash_.finish();
    if (!entry.content.is_none() && entry.content != digest)
      return fail(changed(entry, fmt::format("it is {}, not {}", digest.str(), entry.content.str())));
    entry.content = digest;
    return out_.append_zeros(tar_padding(entry.size));
  }

  Result<void> end() { return out_.append_zeros(kTarEnd); }
  Result<oci::Digest> finish() { return out_.finish(); }
  [[nodiscard]] std::uint64_t size() const { return out_.offset(); }

 private:
  Result<void> copy_text(std::string_view text) {
    hash_.update(text);
    return out_.append(text);
  }

  /// Whole files (offset 0) are asked for one byte more than they should have: the read that ends early
  /// proves that it was all. What lies inside a larger file has no end of its own.
  Result<void> copy_file(const Entry& entry, const Content& content) {
    const std::size_t probe = content.offset == 0 ? 1 : 0;
    std::uint64_t copied = 0;
    bool complete = content.size == 0 && probe == 0;
    while (!complete) {
      const std::uint64_t left = content.size - copied;
      auto space = TRY(out_.room(left + probe));
      space = space.first(std::min<std::uint64_t>(space.size(), left + probe));
      const ssize_t got = ::pread(content.fd.get(), space.data(), space.size(),
                                  static_cast<off_t>(content.offset + copied));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail(system_error("can't read a file", "/" + entry.path));
      const auto size = static_cast<std::size_t>(got);
      if (size > left) return fail(changed(entry, fmt::format("it has more than {} bytes", content.size)));
      if (size == 0 && left > 0)
        return fail(changed(entry, fmt::format("it ends after {} of {} bytes", copied, content.size)));
      hash_.update(space.first(size));
      out_.commit(size);
      copied += size;
      complete = copied == content.size && (probe == 0 || size < space.size());
    }
    return {};
  }

  const snapshot::ContentOpener& open_;
  TarStream out_;
  oci::Sha256 hash_;
  std::string header_;
};

}  // namespace

Result<WrittenLayer> write_layer(ChangeSet changes, const snapshot::ContentOpener& open,
                                 const WriteOptions& options, const ByteSink& sink) {
  filetree::sort(changes);
  TRY_VOID(check(changes));
  Writer writer(open, sink);
  for (Entry& entry : changes) {
    entry.mtime_ns = entry.type == EntryType::kWhiteout ? 0 : written_mtime(entry.mtime_ns, options);
    TRY_VOID(writer.add(entry));
  }
  TRY_VOID(writer.end());
  WrittenLayer layer;
  layer.size = writer.size();
  layer.diff_id = TRY(writer.finish());
  layer.change_set_digest = filetree::change_set_digest(changes);
  layer.changes = std::move(changes);
  return layer;
}

}  // namespace pgstrata::layer
