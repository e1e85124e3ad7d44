#include "importer/registry_image.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "image/image.h"
#include "image/platforms.h"
#include "image/tags.h"
#include "os/file.h"
#include "registry/in_order.h"
#include "registry/known_repositories.h"

namespace pgstrata::importer {
namespace {

/// Image configurations are some kilobytes; nobody's has this many.
constexpr std::uint64_t kLargestConfig = 8UL * 1024 * 1024;
/// An index within an index is allowed, and nobody does it.
constexpr int kDeepestIndex = 3;

bool is_index(const registry::Manifest& manifest) {
  return manifest.media_type == oci::media_type::kIndex ||
         manifest.media_type == "application/vnd.docker.distribution.manifest.list.v2+json";
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::uint64_t kMega = 1'000'000;
  if (bytes >= kMega) return fmt::format("{:.1f} MB", static_cast<double>(bytes) / kMega);
  return fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1000);
}

class Pull {
 public:
  Pull(store::LayerStore& layers, registry::Repository& repository, const oci::Reference& reference,
       const PullOptions& options)
      : layers_(layers), repository_(repository), reference_(reference), options_(options) {}

  Result<Pulled> run() {
    if (const auto there = TRY(up_to_date())) return Pulled{.manifest = *there, .is_new = false};
    registry::Manifest found = TRY(
        repository_.manifest(reference_.digest ? reference_.digest->str() : reference_.tag, options_.stop));
    const oci::Digest named = found.digest;
    for (int depth = 0; is_index(found); ++depth) {
      if (depth == kDeepestIndex) return fail(bad("indexes within indexes"));
      const oci::ImageIndex index = TRY(located(oci::ImageIndex::from_json(found.bytes)));
      const auto chosen = image::choose(index.manifests, options_.platform);
      if (!chosen) return fail(other_platforms(index));
      found = TRY(repository_.manifest(chosen->digest.str(), options_.stop));
    }
    ImageParts parts;
    parts.manifest = TRY(located(oci::ImageManifest::from_json(found.bytes)));
    parts.config = TRY(config(parts.manifest.config));
    const oci::ImageConfig config = TRY(located(oci::ImageConfig::from_json(parts.config)));
    // As in BuildKit: who names a single manifest, and not an index, gets it whatever it is for.
    if (!options_.platform.runs(config.platform) && found.digest != named)
      return fail({.kind = ErrorKind::kNotFound,
                   .what = fmt::format("the registry has no {} for {}", reference_.familiar(),
                                       options_.platform.str()),
                   .why = fmt::format("it is for {}", config.platform.str()),
                   .next = "name another platform with --platform"});
    std::map<std::string, std::string> annotations = {{kRegistryDigest, named.str()}};
    if (found.digest == named) annotations[kRegistrySingle] = "true";
    const oci::Descriptor manifest =
        TRY(located(import_image(layers_, parts,
                                 [this](const oci::Descriptor& blob, const LayerSink& sink,
                                        const std::stop_token& stop) { return layer(blob, sink, stop); },
                                 {.layer_limit = options_.layer_limit,
                                  .parallel = options_.parallel,
                                  .unpack = options_.unpack,
                                  .stop = options_.stop,
                                  .annotations = std::move(annotations)})));
    const oci::Descriptor leads_to = options_.keep_others ? TRY(beside_others(manifest)) : manifest;
    TRY_VOID(image::set_tags(layers_.content(), {reference_}, leads_to));
    registry::KnownRepositories known(layers_.content().root(), repository_.registry().domain());
    for (const oci::Descriptor& blob : parts.manifest.layers)
      TRY_VOID(known.add(blob.digest, repository_.name()));
    return Pulled{.manifest = manifest};
  }

 private:
  /// The store's image, if the registry still has the same under that name.
  Result<std::optional<oci::Descriptor>> up_to_date() {
    const auto named = TRY(image::find_tag(layers_.content(), reference_));
    if (!named) return std::nullopt;
    const auto manifests = image::manifests(layers_.content(), *named);
    if (!manifests) return std::nullopt;  // damaged
    const auto tagged = chosen_of(*manifests, options_.platform);
    if (!tagged || !tagged->annotations.contains(kRegistryDigest)) return std::nullopt;
    const auto image = image::load(layers_.content(), *tagged);
    if (!image || (!options_.platform.runs(image->config.platform) && !is_whole_name(*tagged)))
      return std::nullopt;
    for (const oci::Digest& diff_id : image->config.diff_ids) {
      const auto row = TRY(layers_.index().layer(diff_id));
      if (!row || !layers_.is_present(*row)) return std::nullopt;
    }
    if (reference_.digest) return tagged;
    const auto now = TRY(repository_.digest_of(reference_.tag, options_.stop));
    if (!now || now->str() != tagged->annotations.at(kRegistryDigest)) return std::nullopt;
    return tagged;
  }

  /// With what was pulled under the name for other platforms. What was built under it goes, as always.
  Result<oci::Descriptor> beside_others(const oci::Descriptor& manifest) {
    std::vector<oci::Descriptor> all = {manifest};
    const auto named = TRY(image::find_tag(layers_.content(), reference_));
    if (!named) return manifest;
    const auto before = image::manifests(layers_.content(), *named);
    if (!before) return manifest;  // damaged
    for (const oci::Descriptor& other : *before)
      if (other.annotations.contains(kRegistryDigest) && other.platform != manifest.platform)
        all.push_back(other);
    return image::join(layers_.content(), std::move(all));
  }

  Result<std::string> config(const oci::Descriptor& blob) {
    if (blob.size > kLargestConfig)
      return fail(bad(fmt::format("its configuration has {} bytes", blob.size)));
    std::string text;
    const registry::BlobSink sink{.write = [&](std::span<const std::byte> bytes) -> Result<void> {
                                    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                                    return {};
                                  },
                                  .restart = [&]() -> Result<void> {
                                    text.clear();
                                    return {};
                                  }};
    TRY_VOID(repository_.blob(blob, sink, options_.stop));
    return text;
  }

  /// Kept in the store as it is, so that pushing it on needs no compression, and moves nothing where it is.
  Result<FetchedLayer> layer(const oci::Descriptor& blob, const LayerSink& sink,
                             const std::stop_token& stop) {
    const content::ContentStore& store = layers_.content();
    FetchedLayer layer{.name = fmt::format("{}@{}", repository_.name(), blob.digest.str()),
                       .is_kept = true};
    const auto size = store.size(blob.digest);
    if (size && *size == blob.size && store.verify(blob.digest)) {
      const os::Fd fd = TRY(store.open_blob(blob.digest));
      TRY_VOID(write_file(fd.get(), layer.name, sink));
      return layer;
    }
    content::Ingest ingest = TRY(store.ingest());
    const registry::BlobSink both{
        .write = [&](std::span<const std::byte> bytes) -> Result<void> {
          TRY_VOID(os::write_all(ingest.fd(), bytes, ingest.path()));
          return sink.write(bytes);
        },
        .restart = [&]() -> Result<void> {
          if (::ftruncate(ingest.fd(), 0) != 0 || ::lseek(ingest.fd(), 0, SEEK_SET) != 0)
            return fail(system_error("can't begin anew", ingest.path()));
          return sink.restart();
        }};
    TRY_VOID(repository_.blob(blob, both, stop));
    if (size) ::unlink(store.blob_path(blob.digest).c_str());  // damaged
    TRY_VOID(ingest.commit(blob.digest));
    say(fmt::format("{}: {}", blob.digest.hex().substr(0, 12), size_text(blob.size)));
    return layer;
  }

  void say(const std::string& line) {
    const std::scoped_lock lock(saying_);
    if (options_.progress) options_.progress(line);
  }

  [[nodiscard]] Error bad(std::string why) const {
    return {.kind = ErrorKind::kCorrupt,
            .what = "not an image that can be pulled",
            .where = reference_.familiar(),
            .why = std::move(why)};
  }
  template <class T>
  Result<T> located(Result<T> result) const {
    if (!result && result.error().where.empty()) result.error().where = reference_.familiar();
    return result;
  }
  [[nodiscard]] Error other_platforms(const oci::ImageIndex& index) const {
    std::string others;
    for (const oci::Descriptor& manifest : index.manifests)
      if (manifest.platform && manifest.platform->os != "unknown")
        others += (others.empty() ? "" : ", ") + manifest.platform->str();
    return {.kind = ErrorKind::kNotFound,
            .what = fmt::format("the registry has no {} for {}", reference_.familiar(),
                                options_.platform.str()),
            .why = others.empty() ? "" : "it has " + others,
            .next = "name another platform with --platform"};
  }

  store::LayerStore& layers_;
  registry::Repository& repository_;
  const oci::Reference& reference_;
  const PullOptions& options_;
  std::mutex saying_;
};

}  // namespace

bool is_whole_name(const oci::Descriptor& manifest) {
  return manifest.annotations.contains(kRegistrySingle);
}

std::optional<oci::Descriptor> chosen_of(const std::vector<oci::Descriptor>& manifests,
                                         const oci::Platform& platform) {
  if (auto chosen = image::choose(manifests, platform)) return chosen;
  for (const oci::Descriptor& manifest : manifests)
    if (is_whole_name(manifest)) return manifest;
  return std::nullopt;
}

Result<Pulled> pull(store::LayerStore& layers, std::vector<registry::Repository> places,
                    const oci::Reference& reference, const PullOptions& options) {
  // Layers that a place gave before it failed are in the store, and aren't fetched from the next.
  return registry::first_answer(places, options.note, [&](registry::Repository& place) {
    return Pull(layers, place, reference, options).run();
  });
}

}  // namespace pgstrata::importer
