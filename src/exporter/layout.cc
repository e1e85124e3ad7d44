#include "exporter/layout.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <set>

#include "layer/tar_header.h"
#include "os/file.h"

namespace pgstrata::exporter {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kCopySize = 1 << 20;

std::string blob_path(const oci::Digest& digest) { return "blobs/sha256/" + digest.hex(); }

std::string_view media_type(Codec codec) {
  switch (codec) {
    case Codec::kUncompressed:
      return oci::media_type::kLayer;
    case Codec::kGzip:
      return oci::media_type::kLayerGzip;
    case Codec::kZstd:
      break;
  }
  return oci::media_type::kLayerZstd;
}

/// The image's manifest with each layer in its compressed form.
Result<oci::ImageManifest> compressed_manifest(const Request& request, const PlatformImage& one,
                                               const Compression& compression) {
  oci::ImageManifest manifest = one.image.manifest;
  if (manifest.layers.size() != one.chain.size())
    return fail(
        {.kind = ErrorKind::kCorrupt,
         .what = "an image and its chain contradict each other",
         .where = one.image.descriptor.digest.str(),
         .why = fmt::format("{} layers, {} in the chain", manifest.layers.size(), one.chain.size())});
  for (std::size_t i = 0; i < one.chain.size(); ++i) {
    const cache::LayerRow& layer = one.chain[i];
    const StoredBlob blob = TRY(compressed_layer(
        request.layers.content(), {.digest = layer.diff_id, .size = layer.size}, compression));
    oci::Descriptor& descriptor = manifest.layers[i];
    descriptor.media_type = media_type(compression.codec);
    descriptor.digest = blob.digest;
    descriptor.size = blob.size;
  }
  return manifest;
}

/// One descriptor per name: a reader finds the image by any of them. Without names one that has none.
oci::ImageIndex make_index(const Request& request, oci::Descriptor manifest) {
  oci::ImageIndex index;
  const std::string& created = request.images.front().image.config.created;
  if (!created.empty()) manifest.annotations[oci::annotation::kCreated] = created;
  for (const oci::Reference& name : request.names) {
    if (name.tag.empty()) continue;
    oci::Descriptor named = manifest;
    named.annotations[oci::annotation::kImageName] = name.domain + "/" + name.path + ":" + name.tag;
    named.annotations[oci::annotation::kRefName] = name.tag;
    if (std::find(index.manifests.begin(), index.manifests.end(), named) == index.manifests.end())
      index.manifests.push_back(std::move(named));
  }
  if (index.manifests.empty()) index.manifests.push_back(std::move(manifest));
  return index;
}

/// https://github.com/moby/docker-image-spec: "Combined Image JSON + Filesystem Changeset Format".
std::string docker_manifest(const Request& request, const oci::ImageManifest& manifest) {
  Json tags = Json::array();
  for (oci::Reference name : request.names) {
    if (name.tag.empty()) continue;
    name.digest.reset();
    if (const Json tag = name.familiar(); std::find(tags.begin(), tags.end(), tag) == tags.end())
      tags.push_back(tag);
  }
  Json layers = Json::array();
  for (const oci::Descriptor& layer : manifest.layers) layers.push_back(blob_path(layer.digest));
  const Json image = {
      {"Config", blob_path(manifest.config.digest)}, {"RepoTags", tags}, {"Layers", layers}};
  return Json::array({image}).dump(-1, ' ', false, Json::error_handler_t::replace);
}

filetree::Entry header_entry(const std::string& path, filetree::EntryType type, std::uint64_t size,
                             std::int64_t mtime) {
  filetree::Entry entry;
  entry.path = path;
  entry.type = type;
  entry.mode = type == filetree::EntryType::kDirectory ? 0755 : 0644;
  entry.size = size;
  entry.mtime_ns = mtime * 1'000'000'000;
  return entry;
}

Result<void> copy_blob(const content::ContentStore& store, const StoredBlob& blob,
                       std::vector<std::byte>& buffer, const layer::ByteSink& sink) {
  const os::Fd fd = TRY(store.open_blob(blob.digest));
  // Whoever reads the archive must not be the first to notice.
  oci::Sha256 hash;
  std::uint64_t left = blob.size;
  while (left > 0) {
    const ssize_t got = ::read(fd.get(), buffer.data(), std::min<std::uint64_t>(buffer.size(), left));
    if (got < 0 && errno == EINTR) continue;
    const std::string path = store.blob_path(blob.digest);
    if (got < 0) return fail(system_error("can't read", path));
    if (got == 0)
      return fail({.kind = ErrorKind::kCorrupt,
                   .what = "a blob of the store is too short",
                   .where = path,
                   .why = fmt::format("{} bytes are missing", left),
                   .next = "pgstrata check-store --repair"});
    const auto bytes = std::span(buffer).first(static_cast<std::size_t>(got));
    hash.update(bytes);
    TRY_VOID(sink(bytes));
    left -= static_cast<std::uint64_t>(got);
  }
  if (const oci::Digest found = hash.finish(); found != blob.digest)
    return fail({.kind = ErrorKind::kCorrupt,
                 .what = "a blob of the store is damaged",
                 .where = store.blob_path(blob.digest),
                 .why = fmt::format("its digest is {}, expected {}", found.str(), blob.digest.str()),
                 .next = "pgstrata check-store --repair"});
  return {};
}

Result<void> write_text(std::string_view text, const layer::ByteSink& sink) {
  return sink(std::as_bytes(std::span(text)));
}

/// The directories of a layout, and its files, as tar entries.
std::vector<filetree::Entry> archive_entries(const Layout& layout, std::int64_t mtime) {
  std::vector<filetree::Entry> entries;
  for (const char* directory : {"blobs", "blobs/sha256"})
    entries.push_back(header_entry(directory, filetree::EntryType::kDirectory, 0, mtime));
  for (const LayoutFile& file : layout.files)
    entries.push_back(header_entry(file.path, filetree::EntryType::kRegular, file.size(), mtime));
  return entries;
}

}  // namespace

std::uint64_t LayoutFile::size() const {
  const auto* text = std::get_if<std::string>(&bytes);
  return text != nullptr ? text->size() : std::get<StoredBlob>(bytes).size;
}

namespace {

std::vector<oci::Reference> names_with_tag(const Request& request) {
  std::vector<oci::Reference> named;
  for (const oci::Reference& name : request.names)
    if (!name.tag.empty()) named.push_back(name);
  return named;
}

/// Gathers what a layout consists of.
class LayoutMaker {
 public:
  LayoutMaker(const Request& request, const Compression& compression)
      : request_(request), compression_(compression) {}

  Result<void> add_image(const PlatformImage& one) {
    const oci::ImageManifest manifest = TRY(compressed_manifest(request_, one, compression_));
    const std::string json = manifest.to_json();
    images_.push_back({.media_type = std::string(oci::media_type::kManifest),
                       .digest = oci::sha256(json),
                       .size = json.size(),
                       .platform = platform_of(one)});
    add_blob(images_.back().digest, json);
    add_blob(manifest.config.digest, TRY(request_.layers.content().read(manifest.config.digest)));
    for (const oci::Descriptor& layer : manifest.layers)
      add_blob(layer.digest, StoredBlob{.digest = layer.digest, .size = layer.size});
    if (!docker_manifest_) docker_manifest_ = docker_manifest(request_, manifest);
    return {};
  }

  /// To the image that was added last.
  Result<void> add_attestations(const PlatformImage& one) {
    if (one.attestations.empty()) return {};
    attest::Attached attached =
        TRY(attest::attach(one.attestations, images_.back(), names_with_tag(request_)));
    for (auto& [digest, bytes] : attached.blobs) add_blob(digest, std::move(bytes));
    add_blob(attached.manifest.digest, attached.manifest_json);
    attached_.push_back(std::move(attached));
    return {};
  }

  Layout finish(LayoutKind kind) && {
    layout_.manifest = images_.front();
    if (images_.size() > 1 || !attached_.empty()) {
      attest::Index index = attest::index_of(images_, attached_);
      add_blob(index.descriptor.digest, std::move(index.json));
      layout_.manifest = std::move(index.descriptor);
    }
    layout_.files.push_back({"index.json", make_index(request_, layout_.manifest).to_json()});
    if (kind == LayoutKind::kDocker) layout_.files.push_back({"manifest.json", *docker_manifest_});
    layout_.files.push_back({"oci-layout", std::string(oci::kLayoutFile)});
    const auto is_before = [](const LayoutFile& a, const LayoutFile& b) { return a.path < b.path; };
    std::sort(layout_.files.begin(), layout_.files.end(), is_before);
    return std::move(layout_);
  }

 private:
  void add_blob(const oci::Digest& digest, std::variant<std::string, StoredBlob> bytes) {
    if (seen_.insert(digest).second) layout_.files.push_back({blob_path(digest), std::move(bytes)});
  }

  const Request& request_;
  const Compression& compression_;
  Layout layout_;
  std::set<oci::Digest> seen_;
  std::vector<oci::Descriptor> images_;
  std::vector<attest::Attached> attached_;
  std::optional<std::string> docker_manifest_;  ///< of the first image
};

}  // namespace

Result<Layout> make_layout(const Request& request, const Compression& compression, LayoutKind kind) {
  LayoutMaker maker(request, compression);
  for (const PlatformImage& one : request.images) {
    TRY_VOID(maker.add_image(one));
    if (kind == LayoutKind::kOci) TRY_VOID(maker.add_attestations(one));
  }
  return std::move(maker).finish(kind);
}

Result<std::uint64_t> archive_size(const Layout& layout) {
  std::uint64_t size = layer::kTarEnd;
  std::string header;
  for (const filetree::Entry& entry : archive_entries(layout, 0)) {
    header.clear();
    TRY_VOID(layer::append_header(header, entry));
    size += header.size() + entry.size + layer::tar_padding(entry.size);
  }
  return size;
}

Result<void> write_archive(const Layout& layout, const content::ContentStore& store, std::int64_t mtime,
                           const layer::ByteSink& sink) {
  const std::string zeros(layer::kTarEnd, '\0');
  std::vector<std::byte> buffer(kCopySize);
  std::string header;
  auto file = layout.files.begin();
  for (const filetree::Entry& entry : archive_entries(layout, mtime)) {
    header.clear();
    TRY_VOID(layer::append_header(header, entry));
    TRY_VOID(write_text(header, sink));
    if (entry.type == filetree::EntryType::kDirectory) continue;
    if (const auto* text = std::get_if<std::string>(&file->bytes))
      TRY_VOID(write_text(*text, sink));
    else
      TRY_VOID(copy_blob(store, std::get<StoredBlob>(file->bytes), buffer, sink));
    TRY_VOID(write_text(std::string_view(zeros).substr(0, layer::tar_padding(entry.size)), sink));
    ++file;
  }
  return write_text(zeros, sink);
}

}  // namespace pgstrata::exporter
