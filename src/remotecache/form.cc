#include "remotecache/form.h"

#include <fmt/format.h>
#include <zstd.h>

#include <utility>

namespace pgstrata::remotecache {
namespace {

Error unreadable(std::string why) {
  return {.kind = ErrorKind::kCorrupt,
          .what = "a list of files of a shared cache can't be read",
          .why = std::move(why)};
}

}  // namespace

Result<std::string> packed_list(std::string bytes, const std::string& name) {
  std::string packed(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), ZSTD_CLEVEL_DEFAULT);
  const auto file = TRY(snapshot::ChangeSetFile::from_bytes(std::move(bytes), name));
  TRY_VOID(file.verify());
  packed.resize(size);
  return packed;
}

Result<std::string> unpacked_list(std::string_view packed, const oci::Digest& change_set) {
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kLargestList)
    return fail(unreadable("its size is none"));
  std::string bytes(static_cast<std::size_t>(size), '\0');
  const std::size_t got = ZSTD_decompress(bytes.data(), bytes.size(), packed.data(), packed.size());
  if (ZSTD_isError(got) != 0 || got != bytes.size()) return fail(unreadable("it can't be decompressed"));
  const auto file = TRY(snapshot::ChangeSetFile::from_bytes(bytes, "a list of files of a shared cache"));
  TRY_VOID(file.verify());
  const filetree::ChangeSet entries = TRY(file.read_all());
  // Sorted, and with every parent: what the merge of a chain relies on.
  const std::string canonical = TRY(snapshot::serialise(entries));
  if (std::string_view(canonical) != std::string_view(bytes))
    return fail(unreadable("it isn't in its canonical form"));
  const oci::Digest found = filetree::change_set_digest(entries);
  if (found != change_set)
    return fail(
        unreadable(fmt::format("it is the change set {}, expected {}", found.str(), change_set.str())));
  return bytes;
}

}  // namespace pgstrata::remotecache
