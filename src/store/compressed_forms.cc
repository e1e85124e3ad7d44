#include "store/compressed_forms.h"

#include <fmt/format.h>

#include <charconv>

#include "os/file.h"

namespace pgstrata::store {
namespace {

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

std::string path_of(const content::ContentStore& store, const std::string& form,
                    const oci::Digest& diff_id) {
  return fmt::format("{}/compressed/{}/{}", store.root(), form, diff_id.hex());
}

Result<void> write_record(const std::string& path, const Record& record) {
  return os::replace_file(
      path, fmt::format("{} {} {}\n", record.blob.digest.str(), record.blob.size, record.boot_id),
      /*durable=*/false);
}

}  // namespace

Result<std::optional<StoredBlob>> find_form(const content::ContentStore& store, const std::string& form,
                                            const oci::Digest& diff_id) {
  const std::string path = path_of(store, form, diff_id);
  const auto text = os::read_file(path);
  if (!text) return std::nullopt;
  auto record = parse_record(*text);
  if (!record) return std::nullopt;
  const auto size = store.size(record->blob.digest);
  if (!size || *size != record->blob.size) return std::nullopt;
  const std::string boot = TRY(boot_id());
  if (record->boot_id == boot) return record->blob;
  if (!store.verify(record->blob.digest)) return std::nullopt;
  record->boot_id = boot;
  TRY_VOID(write_record(path, *record));
  return record->blob;
}

std::optional<StoredBlob> blob_of_form(const content::ContentStore& store, const std::string& form,
                                       const oci::Digest& diff_id) {
  const auto text = os::read_file(path_of(store, form, diff_id));
  if (!text) return std::nullopt;
  const auto record = parse_record(*text);
  return record ? std::optional(record->blob) : std::nullopt;
}

Result<void> record_form(const content::ContentStore& store, const std::string& form,
                         const oci::Digest& diff_id, const StoredBlob& blob) {
  TRY_VOID(os::make_directories(store.root() + "/compressed/" + form));
  const std::string boot = TRY(boot_id());
  return write_record(path_of(store, form, diff_id), {.blob = blob, .boot_id = boot});
}

std::string original_form(layer::Compression compression) {
  return compression == layer::Compression::kGzip ? "original-gzip" : "original-zstd";
}

}  // namespace pgstrata::store
