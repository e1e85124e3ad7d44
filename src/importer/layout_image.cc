#include "importer/layout_image.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "image/platforms.h"
#include "importer/import_image.h"
#include "importer/registry_image.h"
#include "os/file.h"

namespace pgstrata::importer {
namespace {

struct Place {
  std::string path;
  std::string tag;
  std::optional<oci::Digest> digest;
};

Result<Place> parse_place(const std::string& text) {
  Place place;
  const std::size_t at = std::min(text.find('@'), text.size());
  if (at < text.size()) place.digest = TRY(oci::Digest::parse(text.substr(at + 1)));
  place.path = text.substr(0, at);
  const std::size_t slash = place.path.rfind('/');
  const std::size_t colon = place.path.find(':', slash == std::string::npos ? 0 : slash);
  if (colon == std::string::npos) return place;
  place.tag = place.path.substr(colon + 1);
  place.path.resize(colon);
  return place;
}

std::string blob_path(const Place& place, const oci::Digest& digest) {
  return place.path + "/blobs/sha256/" + digest.hex();
}

Result<void> verify(const Place& place, const oci::Digest& digest) {
  const std::string path = blob_path(place, digest);
  const os::Fd fd = TRY(os::open(path, O_RDONLY));
  oci::Sha256 hash;
  std::array<std::byte, 65536> buffer;
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(system_error("can't read the image layout", path));
    if (count == 0) break;
    hash.update(std::span(buffer).first(static_cast<std::size_t>(count)));
  }
  const oci::Digest found = hash.finish();
  if (found == digest) return {};
  return fail({.kind = ErrorKind::kCorrupt,
               .what = "a blob of the image layout is damaged",
               .where = path,
               .why = "its digest is " + found.str()});
}

Result<std::string> read_blob(const Place& place, const oci::Digest& digest) {
  TRY_VOID(verify(place, digest));
  return os::read_file(blob_path(place, digest));
}

bool has_tag(const oci::Descriptor& descriptor, const std::string& tag) {
  const auto name = descriptor.annotations.find(oci::annotation::kRefName);
  if (name != descriptor.annotations.end() && name->second == tag) return true;
  const auto image = descriptor.annotations.find(oci::annotation::kImageName);
  return image != descriptor.annotations.end() && image->second.ends_with(":" + tag);
}

Result<oci::Digest> find(const Place& place) {
  if (place.digest) return *place.digest;
  auto text = os::read_file(place.path + "/index.json");
  if (!text) {
    Error error = std::move(text).error();
    error.kind = ErrorKind::kUsage;
    error.what = "can't read the image layout";
    return fail(std::move(error));
  }
  const oci::ImageIndex index = TRY(oci::ImageIndex::from_json(*text));
  const std::string tag = place.tag.empty() ? "latest" : place.tag;
  for (const oci::Descriptor& descriptor : index.manifests)
    if (has_tag(descriptor, tag)) return descriptor.digest;
  if (place.tag.empty() && index.manifests.size() == 1) return index.manifests.front().digest;
  return fail(
      {.kind = ErrorKind::kUsage,
       .what = fmt::format("there is no image {} in {}", tag, place.path),
       .next = "name one of its tags or digests: oci-layout://PATH:TAG or oci-layout://PATH@DIGEST"});
}

/// Through an index to the manifest of the platform.
Result<oci::ImageManifest> find_manifest(const Place& place, oci::Digest digest,
                                         const oci::Platform& platform) {
  for (int depth = 0; depth < 4; ++depth) {
    const std::string text = TRY(read_blob(place, digest));
    if (auto manifest = oci::ImageManifest::from_json(text)) return manifest;
    const oci::ImageIndex index = TRY(oci::ImageIndex::from_json(text));
    const auto found = image::choose(index.manifests, platform);
    if (!found)
      return fail({.kind = ErrorKind::kUsage,
                   .what = fmt::format("the image in {} isn't there for {}", place.path, platform.str())});
    digest = found->digest;
  }
  return fail({.kind = ErrorKind::kCorrupt, .what = "indexes within indexes", .where = place.path});
}

}  // namespace

Result<oci::Descriptor> import_layout(store::LayerStore& layers, const std::string& text,
                                      const oci::Platform& platform) {
  const Place place = TRY(parse_place(text));
  const oci::Digest digest = TRY(find(place));
  ImageParts parts;
  parts.manifest = TRY(find_manifest(place, digest, platform));
  parts.config = TRY(read_blob(place, parts.manifest.config.digest));
  const FetchLayer read = [&](const oci::Descriptor& blob, const LayerSink& sink,
                              const std::stop_token&) -> Result<FetchedLayer> {
    TRY_VOID(verify(place, blob.digest));
    const std::string path = blob_path(place, blob.digest);
    const os::Fd fd = TRY(os::open(path, O_RDONLY));
    TRY_VOID(write_file(fd.get(), path, sink));
    return FetchedLayer{.name = path};
  };
  return import_image(layers, parts, read, {.stop = {}, .annotations = {{kLayoutDigest, digest.str()}}});
}

}  // namespace pgstrata::importer
