#include "prune/inventory.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <system_error>

#include "attest/attestation.h"
#include "image/platforms.h"
#include "image/tags.h"
#include "oci/reference.h"
#include "os/file.h"
#include "store/compressed_forms.h"

namespace pgstrata::prune {
namespace {

namespace fs = std::filesystem;

struct Found {
  std::uint64_t bytes = 0;
  std::int64_t used = 0;
};

/// A file or directory itself; nothing if it isn't there.
std::optional<Found> look_at(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  constexpr std::uint64_t kBlock = 512;
  return Found{.bytes = static_cast<std::uint64_t>(status.st_blocks) * kBlock,
               .used = std::max(status.st_mtim.tv_sec, status.st_ctim.tv_sec)};
}

/// With all that is in it. What can't be read counts as nothing.
std::uint64_t size_of_tree(const std::string& path) {
  std::uint64_t bytes = look_at(path).value_or(Found{}).bytes;
  std::set<std::pair<dev_t, ino_t>> linked;
  std::error_code code;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator entry(path, options, code), end; entry != end;
       entry.increment(code)) {
    if (code) break;
    struct stat status {};
    if (::lstat(entry->path().c_str(), &status) != 0) continue;
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1 &&
        !linked.emplace(status.st_dev, status.st_ino).second)
      continue;
    constexpr std::uint64_t kBlock = 512;
    bytes += static_cast<std::uint64_t>(status.st_blocks) * kBlock;
  }
  return bytes;
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code code;
  for (fs::directory_iterator entry(directory, code), end; entry != end; entry.increment(code)) {
    if (code) break;
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Taking {
 public:
  Taking(store::LayerStore& layers, const std::set<oci::Digest>& held, bool estimate)
      : layers_(layers), root_(layers.content().root()), estimate_(estimate), needed_(held) {}

  Result<Inventory> run() {
    TRY_VOID(images());
    TRY_VOID(layers());
    compressed();
    blobs();
    for (const std::string& name : names_in(root_ + "/cache-mounts"))
      if (!name.ends_with(".lock")) directory(Kind::kCacheMount, "cache-mounts/" + name);
    for (const char* parent : {"remote/http", "remote/git", "packages"})
      for (const std::string& name : names_in(root_ + "/" + parent))
        if (!name.ends_with(".lock")) directory(Kind::kDownload, std::string(parent) + "/" + name);
    for (const char* name : {"index.db", "index.db-wal", "index.json", "stat-cache", "registries"})
      result_.other_bytes += estimate_ ? look_at(root_ + "/" + name).value_or(Found{}).bytes
                                       : size_of_tree(root_ + "/" + name);
    return std::move(result_);
  }

 private:
  /// What tags lead to. A damaged image keeps nothing but its manifest: it can't be used as it is.
  Result<void> images() {
    for (const image::Tagged& tagged : TRY(image::list_tags(layers_.content()))) {
      wanted_blobs_.insert(tagged.manifest.digest);
      const auto manifests = image::manifests(layers_.content(), tagged.manifest);
      if (!manifests) continue;
      for (const oci::Descriptor& manifest : *manifests) one_image(tagged.name, manifest);
    }
    return {};
  }

  void one_image(const std::string& name, const oci::Descriptor& manifest) {
    wanted_blobs_.insert(manifest.digest);
    for (const oci::Digest& blob : attest::blobs(layers_.content(), manifest)) wanted_blobs_.insert(blob);
    const auto image = image::load(layers_.content(), manifest);
    if (!image) return;
    wanted_blobs_.insert(image->manifest.config.digest);
    needed_.insert(image->config.diff_ids.begin(), image->config.diff_ids.end());
    // The index may have been begun anew, and not know them.
    wanted_blobs_.insert(image->config.diff_ids.begin(), image->config.diff_ids.end());
    const auto reference = oci::Reference::parse(name);
    result_.images.push_back({.name = reference ? reference->familiar() : name,
                              .id = image->manifest.config.digest,
                              .layers = image->config.diff_ids});
  }

  Result<void> layers() {
    for (const cache::LayerRow& row : TRY(layers_.index().layers())) {
      const bool needed = needed_.contains(row.diff_id);
      known_blobs_.insert(row.diff_id);
      const auto tar = look_at(layers_.content().blob_path(row.diff_id));
      const auto changes = look_at(layers_.changes_path(row.diff_id));
      const std::int64_t used = layers_.last_used(row.diff_id);
      result_.items.push_back({.kind = Kind::kLayer,
                               .name = row.diff_id.str(),
                               .bytes = tar.value_or(Found{}).bytes + changes.value_or(Found{}).bytes,
                               .last_used = used,
                               .needed = needed,
                               .layer = row.diff_id});
      const std::string unpacked = layers_.unpacked_path(row.diff_id);
      if (!os::exists(unpacked)) continue;
      result_.items.push_back({.kind = Kind::kUnpacked,
                               .name = "unpacked/" + row.diff_id.hex(),
                               .bytes = estimate_ ? row.size : size_of_tree(unpacked),
                               .last_used = used,
                               .needed = needed,
                               .layer = row.diff_id});
    }
    return {};
  }

  void compressed() {
    for (const std::string& form : names_in(root_ + "/compressed"))
      for (const std::string& hex : names_in(root_ + "/compressed/" + form)) {
        const auto layer = oci::Digest::parse("sha256:" + hex);
        if (!layer) continue;
        const std::string name = "compressed/" + form + "/" + hex;
        const auto blob = store::blob_of_form(layers_.content(), form, *layer);
        if (!blob) continue;
        known_blobs_.insert(blob->digest);
        const auto file = look_at(layers_.content().blob_path(blob->digest));
        result_.items.push_back({.kind = Kind::kCompressed,
                                 .name = name,
                                 .bytes = file.value_or(Found{}).bytes,
                                 .last_used = look_at(root_ + "/" + name).value_or(Found{}).used,
                                 .needed = needed_.contains(*layer),
                                 .layer = *layer});
      }
  }

  void blobs() {
    for (const std::string& hex : names_in(root_ + "/blobs/sha256")) {
      const auto digest = oci::Digest::parse("sha256:" + hex);
      if (!digest || known_blobs_.contains(*digest)) continue;
      const std::string name = "blobs/sha256/" + hex;
      const auto file = look_at(root_ + "/" + name);
      if (!file) continue;
      result_.items.push_back({.kind = Kind::kBlob,
                               .name = name,
                               .bytes = file->bytes,
                               .last_used = file->used,
                               .needed = wanted_blobs_.contains(*digest),
                               .layer = {}});
    }
  }

  void directory(Kind kind, const std::string& name) {
    const std::string path = root_ + "/" + name;
    const auto found = look_at(path);
    if (!found) return;
    result_.items.push_back({.kind = kind,
                             .name = name,
                             .bytes = estimate_ ? found->bytes : size_of_tree(path),
                             .last_used = found->used,
                             .needed = false,
                             .layer = {}});
  }

  store::LayerStore& layers_;
  const std::string& root_;
  const bool estimate_;
  std::set<oci::Digest> needed_;
  std::set<oci::Digest> wanted_blobs_;
  std::set<oci::Digest> known_blobs_;
  Inventory result_;
};

}  // namespace

std::uint64_t Inventory::total() const {
  std::uint64_t sum = other_bytes;
  for (const Item& item : items) sum += item.bytes;
  return sum;
}

Result<Inventory> take_inventory(store::LayerStore& layers, const std::set<oci::Digest>& held,
                                 bool estimate) {
  return Taking(layers, held, estimate).run();
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace pgstrata::prune
