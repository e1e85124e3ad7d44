#include "exporter/push.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "exporter/compressed_layers.h"
#include "os/in_parallel.h"
#include "registry/known_repositories.h"
#include "registry/repository.h"

namespace pgstrata::exporter {
namespace {

/// Requests that a blob's mount is worth.
constexpr std::size_t kMostMounts = 2;

/// To send so much takes no longer than to ask whether it is there.
constexpr std::uint64_t kNotWorthAsking = 64UL * 1024;

/// Manifests of an index that are looked at for what is there.
constexpr std::size_t kMostLookedAt = 4;

struct LayerForm {
  StoredBlob blob;
  std::string_view media_type;
};

/// The layer as somebody published it, if it is that, else in a form of ours.
Result<LayerForm> form_of(const content::ContentStore& store, const cache::LayerRow& layer,
                          const Compression& compression) {
  const auto original = [&](layer::Compression kind) {
    return store::find_form(store, store::original_form(kind), layer.diff_id);
  };
  // With a level, somebody wants it compressed anew.
  if (compression.level == 0 && compression.codec != Codec::kUncompressed) {
    if (compression.codec == Codec::kGzip)
      if (const auto found = TRY(original(layer::Compression::kGzip)))
        return LayerForm{.blob = *found, .media_type = oci::media_type::kLayerGzip};
    if (const auto found = TRY(original(layer::Compression::kZstd)))
      return LayerForm{.blob = *found, .media_type = oci::media_type::kLayerZstd};
  }
  const StoredBlob blob =
      TRY(compressed_layer(store, {.digest = layer.diff_id, .size = layer.size}, compression));
  const std::string_view type = compression.codec == Codec::kGzip   ? oci::media_type::kLayerGzip
                                : compression.codec == Codec::kZstd ? oci::media_type::kLayerZstd
                                                                    : oci::media_type::kLayer;
  return LayerForm{.blob = blob, .media_type = type};
}

class Push {
 public:
  Push(const Request& request, const registry::Repository& repository, const oci::Reference& name,
       const PushOptions& options)
      : request_(request),
        store_(request.layers.content()),
        repository_(repository),
        known_(store_.root(), repository.registry().domain()),
        name_(name),
        options_(options) {}

  Result<Pushed> run() {
    // The library for it is loaded, and the registry asked, while layers are compressed.
    asked_ = std::async(std::launch::async, [this] { return image_there(); }).share();
    auto sent = send_blobs();
    const auto present = TRY(asked_.get());
    auto noted = std::async(std::launch::async, [this] { return note_sent(); });
    Manifests manifests = TRY(std::move(sent));
    pushed_.manifest = manifests.named;
    if (present == pushed_.manifest.digest) return pushed_;
    auto put = put_manifests(manifests);
    TRY_VOID(noted.get());
    if (!put && put.error().kind != ErrorKind::kCancelled && !there_.empty()) {
      // A registry that has lost a blob of its image says so now: look at each of them.
      there_.clear();
      pushed_ = Pushed{.manifest = pushed_.manifest};
      new_here_.clear();
      manifests = TRY(send_blobs());
      TRY_VOID(note_sent());
      put = put_manifests(manifests);
    }
    if (!put) return fail(std::move(put).error());
    return pushed_;
  }

 private:
  /// What goes when all blobs are there: those that are named by their digest, then the one with the tag.
  struct Manifests {
    std::vector<std::string> by_digest;
    std::string tagged;
    oci::Descriptor named;  ///< of `tagged`
  };

  /// What the tag stands for now: its digest, and its blobs as `there_`.
  Result<std::optional<oci::Digest>> image_there() {
    if (name_.tag.empty()) return std::nullopt;
    const auto manifest = repository_.manifest(name_.tag, options_.stop);
    if (!manifest) {
      const ErrorKind kind = manifest.error().kind;
      if (kind == ErrorKind::kUnreachable || kind == ErrorKind::kTls || kind == ErrorKind::kCancelled)
        return fail(manifest.error());
      return std::nullopt;  // a repository that doesn't exist yet, or may only be written: pushing will
                            // tell
    }
    if (manifest->media_type == oci::media_type::kIndex) {
      const auto index = oci::ImageIndex::from_json(manifest->bytes);
      for (std::size_t i = 0; index && i < std::min(index->manifests.size(), kMostLookedAt); ++i)
        if (const auto inner = repository_.manifest(index->manifests[i].digest.str(), options_.stop))
          note_blobs(inner->bytes);
    } else {
      note_blobs(manifest->bytes);
    }
    return manifest->digest;
  }

  void note_blobs(std::string_view manifest) {
    const auto image = oci::ImageManifest::from_json(manifest);
    if (!image) return;
    there_.insert(image->config.digest);
    for (const oci::Descriptor& layer : image->layers) there_.insert(layer.digest);
  }

  Result<void> put_manifests(const Manifests& manifests) {
    const auto put_one = [&](std::size_t i, const std::stop_token& stop) {
      return repository_.put_manifest("", oci::media_type::kManifest, manifests.by_digest[i], stop);
    };
    TRY_VOID(os::in_parallel(manifests.by_digest.size(), options_.parallel, options_.stop, put_one));
    return repository_.put_manifest(name_.tag, manifests.named.media_type, manifests.tagged, options_.stop);
  }

  Result<Manifests> send_blobs() {
    sent_.clear();
    Manifests manifests;
    std::vector<oci::Descriptor> images;
    std::vector<attest::Attached> attached;
    for (const PlatformImage& one : request_.images) {
      std::string image = TRY(send_image(one));
      images.push_back({.media_type = std::string(oci::media_type::kManifest),
                        .digest = oci::sha256(image),
                        .size = image.size(),
                        .annotations = {},
                        .platform = platform_of(one)});
      manifests.by_digest.push_back(std::move(image));
      if (one.attestations.empty()) continue;
      attached.push_back(TRY(attest::attach(one.attestations, images.back(), {name_})));
      TRY_VOID(send_texts(attached.back().blobs));
      manifests.by_digest.push_back(attached.back().manifest_json);
    }
    if (images.size() == 1 && attached.empty()) {
      manifests.tagged = std::move(manifests.by_digest.front());
      manifests.by_digest.clear();
      manifests.named = std::move(images.front());
      return manifests;
    }
    attest::Index index = attest::index_of(std::move(images), attached);
    manifests.tagged = std::move(index.json);
    manifests.named = std::move(index.descriptor);
    return manifests;
  }

  /// A blob is sent from the store; prune takes it from there.
  Result<void> send_texts(const std::vector<std::pair<oci::Digest, std::string>>& texts) {
    const auto send_one = [&](std::size_t i, const std::stop_token& stop) -> Result<void> {
      TRY(store_.put(texts[i].second));
      return send({.digest = texts[i].first, .size = texts[i].second.size()}, stop);
    };
    return os::in_parallel(texts.size(), options_.parallel, options_.stop, send_one);
  }

  /// Its manifest, to be put on top of what was sent.
  Result<std::string> send_image(const PlatformImage& one) {
    oci::ImageManifest manifest = one.image.manifest;
    if (manifest.layers.size() != one.chain.size())
      return fail({.kind = ErrorKind::kCorrupt,
                   .what = "an image and its chain contradict each other",
                   .where = one.image.descriptor.digest.str()});
    // The configuration, and then the layers from the top: what changed is there, and is compressed while
    // the registry is asked.
    const auto send_one = [&](std::size_t turn, const std::stop_token& stop) -> Result<void> {
      const std::size_t i = manifest.layers.size() - turn;
      if (turn == 0) return send({.digest = manifest.config.digest, .size = manifest.config.size}, stop);
      const LayerForm form = TRY(form_of(store_, one.chain[i], options_.compression));
      manifest.layers[i].media_type = form.media_type;
      manifest.layers[i].digest = form.blob.digest;
      manifest.layers[i].size = form.blob.size;
      return send(form.blob, stop);
    };
    TRY_VOID(os::in_parallel(manifest.layers.size() + 1, options_.parallel, options_.stop, send_one));
    manifest.config.media_type = oci::media_type::kConfig;
    return manifest.to_json();
  }

  Result<void> send(const StoredBlob& blob, const std::stop_token& stop) {
    if (const auto& asked = asked_.get(); !asked) return fail(asked.error());
    {
      const std::scoped_lock lock(mutex_);
      if (!sent_.insert(blob.digest).second) return {};
      if (there_.contains(blob.digest)) {
        ++pushed_.present;
        return {};
      }
    }
    int Pushed::*count = &Pushed::present;
    const std::vector<std::string> known = known_.of(blob.digest);
    const bool ask = blob.size > kNotWorthAsking ||
                     std::find(known.begin(), known.end(), repository_.name()) != known.end();
    if (!ask || !TRY(repository_.has_blob(blob.digest, stop))) {
      count = TRY(mount(blob.digest, known, stop)) ? &Pushed::mounted : &Pushed::uploaded;
      if (count == &Pushed::uploaded) {
        const os::Fd fd = TRY(store_.open_blob(blob.digest));
        TRY_VOID(repository_.upload({.fd = fd.get(), .digest = blob.digest, .size = blob.size}, stop));
      }
    }
    const std::scoped_lock lock(mutex_);
    ++(pushed_.*count);
    if (count == &Pushed::uploaded) pushed_.uploaded_bytes += blob.size;
    new_here_.push_back(blob.digest);
    return {};
  }

  /// For a push that doesn't end well, too: what was sent is there.
  Result<void> note_sent() {
    for (const oci::Digest& blob : new_here_) TRY_VOID(known_.add(blob, repository_.name()));
    return {};
  }

  Result<bool> mount(const oci::Digest& digest, const std::vector<std::string>& known,
                     const std::stop_token& stop) {
    std::size_t tried = 0;
    for (const std::string& other : known) {
      if (other == repository_.name()) continue;
      if (tried++ == kMostMounts) break;
      if (TRY(repository_.mount(digest, other, stop))) return true;
    }
    return false;
  }

  const Request& request_;
  const content::ContentStore& store_;
  registry::Repository repository_;
  registry::KnownRepositories known_;
  const oci::Reference& name_;
  const PushOptions& options_;
  std::shared_future<Result<std::optional<oci::Digest>>> asked_;  ///< image_there()
  std::set<oci::Digest> there_;                                   ///< complete when asked_ is
  std::mutex mutex_;                                              ///< of what follows
  std::set<oci::Digest> sent_;
  std::vector<oci::Digest> new_here_;
  Pushed pushed_;
};

}  // namespace

Result<Pushed> push(const Request& request, const registry::Repository& repository,
                    const oci::Reference& name, const PushOptions& options) {
  return Push(request, repository, name, options).run();
}

std::string in_words(const oci::Reference& name, const Pushed& pushed) {
  std::string text = fmt::format("pushed {}: {} blob{} sent", name.familiar(), pushed.uploaded,
                                 pushed.uploaded == 1 ? "" : "s");
  if (pushed.uploaded > 0)
    text += pushed.uploaded_bytes < 1'000'000
                ? fmt::format(" ({:.1f} kB)", static_cast<double>(pushed.uploaded_bytes) / 1e3)
                : fmt::format(" ({:.1f} MB)", static_cast<double>(pushed.uploaded_bytes) / 1e6);
  if (pushed.mounted > 0) text += fmt::format(", {} taken from another repository", pushed.mounted);
  return text + fmt::format(", {} there already; {}", pushed.present, pushed.manifest.digest.str());
}

}  // namespace pgstrata::exporter
