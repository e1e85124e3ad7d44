#include "exporter/compressed_layers.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <charconv>
#include <optional>
#include <vector>

#include "layer/compress.h"
#include "os/file.h"

namespace pgstrata::exporter {
namespace {

/// Of the way in which layer/compress.h cuts its input.
constexpr int kVersion = 1;

std::string directory_name(const Compression& compression) {
  const std::string level = compression.level == 0 ? "usual" : fmt::to_string(compression.level);
  if (compression.codec == Codec::kGzip)
    return fmt::format("gzip-{}-{}.zlib{}", level, kVersion, ::zlibVersion());
  return fmt::format("zstd-{}-{}.zstd{}", level, kVersion, ::ZSTD_versionString());
}

Result<std::string> boot_id() {
  std::string id = TRY(os::read_file("/proc/sys/kernel/random/boot_id"));
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

struct Record {
  StoredBlob blob;
  std::string boot_id;
};

/// Nothing for a record that isn't one: it is made anew.
std::optional<Record> parse_record(std::string_view text) {
  const std::size_t first = text.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : text.find(' ', first + 1);
  if (second == std::string_view::npos || !text.ends_with('\n')) return std::nullopt;
  const auto digest = oci::Digest::parse(text.substr(0, first));
  const std::string_view size_text = text.substr(first + 1, second - first - 1);
  Record record;
  const auto [end, error] =
      std::from_chars(size_text.data(), size_text.data() + size_text.size(), record.blob.size);
  if (!digest || error != std::errc{} || end != size_text.data() + size_text.size()) return std::nullopt;
  record.blob.digest = *digest;
  record.boot_id = text.substr(second + 1, text.size() - second - 2);
  return record;
}

Result<void> write_record(const std::string& path, const Record& record) {
  return os::replace_file(
      path, fmt::format("{} {} {}\n", record.blob.digest.str(), record.blob.size, record.boot_id),
      /*durable=*/false);
}

/// The form that was made before, if it can be trusted.
Result<std::optional<StoredBlob>> find(const content::ContentStore& store, const std::string& path,
                                       const std::string& boot) {
  const auto text = os::read_file(path);
  if (!text) return std::nullopt;
  auto record = parse_record(*text);
  if (!record) return std::nullopt;
  const auto size = store.size(record->blob.digest);
  if (!size || *size != record->blob.size) return std::nullopt;
  if (record->boot_id == boot) return record->blob;
  if (!store.verify(record->blob.digest)) return std::nullopt;
  record->boot_id = boot;
  TRY_VOID(write_record(path, *record));
  return record->blob;
}

Result<StoredBlob> make(const content::ContentStore& store, const StoredBlob& tar,
                        const Compression& compression) {
  const os::Fd blob = TRY(store.open_blob(tar.digest));
  content::Ingest ingest = TRY(store.ingest());
  const layer::ByteSink sink = [&ingest](std::span<const std::byte> bytes) {
    return os::write_all(ingest.fd(), bytes, ingest.path());
  };
  const layer::CompressOptions options{
      .kind = compression.codec == Codec::kGzip ? layer::Compression::kGzip : layer::Compression::kZstd,
      .level = compression.level};
  const layer::Compressed compressed = TRY(layer::compress(blob.get(), tar.size, options, sink));
  // A damaged blob of the same name would win over these bytes.
  const auto present = store.size(compressed.digest);
  if (present && (*present != compressed.size || !store.verify(compressed.digest)))
    ::unlink(store.blob_path(compressed.digest).c_str());
  TRY_VOID(ingest.commit(compressed.digest));
  return StoredBlob{.digest = compressed.digest, .size = compressed.size};
}

}  // namespace

Result<StoredBlob> compressed_layer(const content::ContentStore& store, const StoredBlob& tar,
                                    const Compression& compression) {
  if (compression.codec == Codec::kUncompressed) return tar;
  const std::string directory = store.root() + "/compressed/" + directory_name(compression);
  const std::string path = directory + "/" + tar.digest.hex();
  const std::string boot = TRY(boot_id());
  if (const auto found = TRY(find(store, path, boot))) return *found;
  const StoredBlob blob = TRY(make(store, tar, compression));
  TRY_VOID(os::make_directories(directory));
  TRY_VOID(write_record(path, {.blob = blob, .boot_id = boot}));
  return blob;
}

}  // namespace pgstrata::exporter
