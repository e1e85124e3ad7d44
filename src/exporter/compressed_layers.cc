#include "exporter/compressed_layers.h"

#include <fmt/format.h>
#include <libdeflate.h>
#include <zstd.h>

#include <future>
#include <optional>

#include "layer/compress.h"
#include "os/file.h"

namespace pgstrata::exporter {
namespace {

/// Of the way in which layer/compress.h cuts its input.
constexpr int kGzipVersion = 2;
constexpr int kZstdVersion = 1;

std::string form_name(const Compression& compression) {
  const std::string level = compression.level == 0 ? "usual" : fmt::to_string(compression.level);
  if (compression.codec == Codec::kGzip)
    return fmt::format("gzip-{}-{}.libdeflate{}", level, kGzipVersion, LIBDEFLATE_VERSION_STRING);
  return fmt::format("zstd-{}-{}.zstd{}", level, kZstdVersion, ::ZSTD_versionString());
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
  // A damaged tar would become a layer with a digest that fits.
  auto verified = std::async(std::launch::async, [&] { return store.verify(tar.digest); });
  const auto made = layer::compress(blob.get(), tar.size, options, sink);
  TRY_VOID(verified.get());
  const layer::Compressed compressed = TRY(made);
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
  const std::string form = form_name(compression);
  if (const auto found = TRY(store::find_form(store, form, tar.digest))) return *found;
  const StoredBlob blob = TRY(make(store, tar, compression));
  TRY_VOID(store::record_form(store, form, tar.digest, blob));
  return blob;
}

}  // namespace pgstrata::exporter
