#include "cli/stored_image.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "image/platforms.h"
#include "image/tags.h"
#include "os/file.h"

namespace pgstrata::cli {
namespace {

constexpr std::string_view kAlgorithm = "sha256:";

/// The hex digits of an ID or a beginning of it; empty if `text` can't be one.
std::string_view id_prefix(std::string_view text) {
  if (text.starts_with(kAlgorithm)) text.remove_prefix(kAlgorithm.size());
  const bool is_hex = text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return is_hex && text.size() >= 4 && text.size() <= 64 ? text : std::string_view{};
}

tl::unexpected<Error> no_image(std::string_view text) {
  return fail({.kind = ErrorKind::kNotFound,
               .what = fmt::format("there is no image {} in the store", text),
               .next = "pgstrata images shows what there is"});
}

/// Of several platforms this machine's, or else the first.
Result<StoredImage> named_image(const content::ContentStore& store, const oci::Descriptor& named,
                                oci::Reference name) {
  const auto manifests = TRY(image::manifests(store, named));
  const auto own = image::choose(manifests, oci::Platform::host());
  image::Image image = TRY(image::load(store, own.value_or(manifests.front())));
  return StoredImage{.image = std::move(image), .names = {std::move(name)}, .named = named};
}

/// By the beginning of its digest, with all of its names.
Result<std::optional<StoredImage>> find_index(const content::ContentStore& store, std::string_view prefix) {
  std::optional<StoredImage> found;
  for (const image::Tagged& tagged : TRY(image::list_tags(store))) {
    const oci::Descriptor& named = tagged.manifest;
    if (named.media_type != oci::media_type::kIndex || !named.digest.hex().starts_with(prefix)) continue;
    oci::Reference name = TRY(oci::Reference::parse(tagged.name));
    if (!found)
      found = TRY(named_image(store, named, std::move(name)));
    else if (found->named.digest == named.digest)
      found->names.push_back(std::move(name));
  }
  return found;
}

Result<StoredImage> find_by_id(const content::ContentStore& store, std::string_view text) {
  const std::string_view prefix = id_prefix(text);
  if (prefix.empty()) return no_image(text);
  std::optional<StoredImage> found = TRY(find_index(store, prefix));
  if (found) return *std::move(found);
  for (StoredImage& candidate : TRY(stored_images(store))) {
    const bool fits = candidate.id().hex().starts_with(prefix) ||
                      candidate.image.descriptor.digest.hex().starts_with(prefix);
    if (!fits) continue;
    candidate.named = candidate.image.descriptor;
    if (found && found->id() != candidate.id())
      return fail({.kind = ErrorKind::kUsage,
                   .what = fmt::format("several images begin with {}", text),
                   .next = "write more digits of it"});
    if (found)
      found->names.push_back(std::move(candidate.names.front()));
    else
      found = std::move(candidate);
  }
  if (!found) return no_image(text);
  return *std::move(found);
}

}  // namespace

std::uint64_t StoredImage::size() const {
  std::uint64_t size = 0;
  for (const oci::Descriptor& layer : image.manifest.layers) size += layer.size;
  return size;
}

Result<std::vector<StoredImage>> stored_images(const content::ContentStore& store) {
  std::vector<StoredImage> images;
  for (const image::Tagged& tagged : TRY(image::list_tags(store))) {
    oci::Reference name = TRY(oci::Reference::parse(tagged.name));
    for (const oci::Descriptor& manifest : TRY(image::manifests(store, tagged.manifest))) {
      image::Image image = TRY(image::load(store, manifest));
      images.push_back({.image = std::move(image), .names = {name}, .named = tagged.manifest});
    }
  }
  return images;
}

Result<StoredImage> find_image(const content::ContentStore& store, std::string_view text) {
  auto reference = oci::Reference::parse(text);
  if (reference) {
    const auto manifest = TRY(image::find_tag(store, *reference));
    if (manifest) return named_image(store, *manifest, *std::move(reference));
  } else if (id_prefix(text).empty()) {
    return fail(std::move(reference).error());
  }
  return find_by_id(store, text);
}

Result<std::vector<exporter::PlatformImage>> all_platforms(const Store& store, const StoredImage& stored) {
  std::vector<exporter::PlatformImage> images;
  for (const oci::Descriptor& manifest : TRY(image::manifests(*store.content, stored.named))) {
    image::Image image = TRY(image::load(*store.content, manifest));
    auto chain = TRY(chain_of(store, image));
    auto attestations = TRY(attest::predicates(*store.content, manifest));
    images.push_back(
        {.image = std::move(image), .chain = std::move(chain), .attestations = std::move(attestations)});
  }
  return images;
}

Result<std::vector<cache::LayerRow>> chain_of(const Store& store, const image::Image& image) {
  std::vector<cache::LayerRow> chain;
  for (const oci::Digest& diff_id : image.config.diff_ids) {
    const auto layer = TRY(store.layers->find(diff_id));
    if (!layer || !store.layers->is_present(*layer))
      return fail({.kind = ErrorKind::kNotFound,
                   .what = "a layer of the image isn't in the store any more",
                   .where = diff_id.str(),
                   .next = "build the image again"});
    chain.push_back(*layer);
  }
  return chain;
}

Result<void> print(std::string_view text) { return os::write_all(STDOUT_FILENO, text, "standard output"); }

}  // namespace pgstrata::cli
