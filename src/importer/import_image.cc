#include "importer/import_image.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "image/image.h"
#include "importer/fitting_layer.h"
#include "importer/layer_stream.h"
#include "layer/archive_tree.h"
#include "layer/layer_in_place.h"
#include "oci/image_config.h"
#include "os/file.h"
#include "os/in_parallel.h"
#include "store/compressed_forms.h"

namespace pgstrata::importer {
namespace {

constexpr std::size_t kBufferSize = 256UL * 1024;

Error contradiction(std::string why) {
  return {.kind = ErrorKind::kCorrupt,
          .what = "an image contradicts itself",
          .why = std::move(why),
          .next = "whoever published it has to publish it again"};
}

class Import {
 public:
  Import(store::LayerStore& layers, const ImageParts& parts, const FetchLayer& fetch,
         const ImportOptions& options, const oci::ImageConfig& config)
      : layers_(layers),
        parts_(parts),
        fetch_(fetch),
        options_(options),
        config_(config),
        arrived_(config.diff_ids.size()) {}

  /// The layers that aren't in the store, each in a thread.
  Result<void> unpack_all() {
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < config_.diff_ids.size(); ++i) {
      const oci::Digest& diff_id = config_.diff_ids[i];
      // The same layer may stand in an image twice.
      const auto first = std::find(config_.diff_ids.begin(), config_.diff_ids.end(), diff_id);
      if (static_cast<std::size_t>(first - config_.diff_ids.begin()) != i) continue;
      const auto row = TRY(layers_.index().layer(diff_id));
      if (!row || !layers_.is_present(*row)) missing.push_back(i);
    }
    return os::in_parallel(
        missing.size(), options_.parallel, options_.stop,
        [&](std::size_t turn, const std::stop_token& stop) { return unpack(missing[turn], stop); });
  }

  /// Bottom first: what a layer says depends on those below.
  Result<std::vector<cache::LayerRow>> register_all() {
    std::vector<cache::LayerRow> chain;
    for (std::size_t i = 0; i < config_.diff_ids.size(); ++i) {
      const oci::Digest& diff_id = config_.diff_ids[i];
      if (const auto again = rewritten_.find(diff_id); again != rewritten_.end()) {
        chain.push_back(again->second);
        continue;
      }
      chain.push_back(arrived_[i] ? TRY(add(i, chain)) : TRY(stored(diff_id, chain)));
      if (chain.back().diff_id != diff_id) rewritten_.emplace(diff_id, chain.back());
    }
    return chain;
  }

 private:
  Result<void> unpack(std::size_t i, const std::stop_token& stop) {
    const oci::Descriptor& blob = parts_.manifest.layers[i];
    LayerStream stream(layers_.content(), {.limit = options_.layer_limit, .unpack = options_.unpack}, stop);
    TRY_VOID(stream.restart());
    const FetchedLayer file =
        TRY(fetch_(blob,
                   {.write = [&](std::span<const std::byte> bytes) { return stream.take(bytes); },
                    .restart = [&] { return stream.restart(); }},
                   stop));
    const oci::Digest& diff_id = config_.diff_ids[i];
    ArrivedLayer layer = TRY(stream.finish(diff_id, file.name));
    if (file.is_kept && layer.compression)
      TRY_VOID(store::record_form(layers_.content(), store::original_form(*layer.compression), diff_id,
                                  {.digest = blob.digest, .size = blob.size}));
    arrived_[i].emplace(std::move(layer));
    return {};
  }

  Result<cache::LayerRow> add(std::size_t i, const std::vector<cache::LayerRow>& chain) {
    ArrivedLayer layer = *std::move(arrived_[i]);
    arrived_[i].reset();
    const auto below = TRY(layers_.view(chain, "the layers below"));
    if (!layer.entries) return rewrite(layer.tar.path(), *below);
    layer::WrittenLayer written;
    written.changes = TRY(layer::changes_in_place(*std::move(layer.entries), *below));
    written.diff_id = config_.diff_ids[i];
    written.change_set_digest = filetree::change_set_digest(written.changes);
    written.size = layer.size;
    // One of this name, on other layers and so with other parents, may be there.
    const auto known = TRY(layers_.index().layer(written.diff_id));
    if (known && known->change_set != written.change_set_digest) return rewrite(layer.tar.path(), *below);
    const auto row = TRY(layers_.add_written(std::move(layer.tar), written));
    if (layer.early && layer.early->is_usable()) {
      // Otherwise it is unpacked when something mounts it, and then it's told what can't be done.
      static_cast<void>(layers_.add_unpacked(row, written.changes, *layer.early).has_value());
    }
    return row;
  }

  /// One that wasn't fetched.
  Result<cache::LayerRow> stored(const oci::Digest& diff_id, const std::vector<cache::LayerRow>& chain) {
    const auto known = TRY(layers_.index().layer(diff_id));
    if (!known || !layers_.is_present(*known))
      return fail(contradiction("one of its layers was removed meanwhile"));
    const auto changes = TRY(snapshot::ChangeSetFile::open(layers_.changes_path(diff_id)));
    const auto below = TRY(layers_.view(chain, "the layers below"));
    const std::string tar = layers_.content().blob_path(diff_id);
    if (TRY(fits_on(changes, tar, *below))) return *known;
    return rewrite(tar, *below);
  }

  /// As a canonical layer, with a DiffID of its own.
  Result<cache::LayerRow> rewrite(const std::string& path, const filetree::FileTree& below) {
    content::Ingest tar = TRY(layers_.content().ingest());
    layer::TarReader archive = TRY(layer::TarReader::open(path));
    const auto written = TRY(layer::import_layer(
        std::move(archive), below,
        {.spool_directory = layers_.content().root() + "/tmp", .source_date_epoch = {}},
        [&](std::span<const std::byte> bytes) { return os::write_all(tar.fd(), bytes, tar.path()); }));
    return layers_.add_written(std::move(tar), written);
  }

  store::LayerStore& layers_;
  const ImageParts& parts_;
  const FetchLayer& fetch_;
  const ImportOptions& options_;
  const oci::ImageConfig& config_;
  std::vector<std::optional<ArrivedLayer>> arrived_;
  std::map<oci::Digest, cache::LayerRow> rewritten_;  ///< by the DiffIDs that the image has for them
};

}  // namespace

Result<void> write_file(int fd, const std::string& name, const LayerSink& sink) {
  std::vector<std::byte> buffer(kBufferSize);
  for (;;) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(system_error("can't read a layer", name));
    if (count == 0) return {};
    TRY_VOID(sink.write(std::span(buffer).first(static_cast<std::size_t>(count))));
  }
}

Result<oci::Descriptor> import_image(store::LayerStore& layers, const ImageParts& parts,
                                     const FetchLayer& fetch, const ImportOptions& options) {
  const oci::ImageConfig config = TRY(oci::ImageConfig::from_json(parts.config));
  if (config.diff_ids.size() != parts.manifest.layers.size())
    return fail(contradiction(fmt::format("its manifest has {} layers, its configuration {}",
                                          parts.manifest.layers.size(), config.diff_ids.size())));
  if (config.diff_ids.size() > kMostLayers)
    return fail(contradiction(
        fmt::format("it has {} layers; {} is the limit", config.diff_ids.size(), kMostLayers)));
  Import import(layers, parts, fetch, options, config);
  TRY_VOID(import.unpack_all());
  const std::vector<cache::LayerRow> chain = TRY(import.register_all());
  std::vector<image::LayerBlob> blobs;
  bool as_published = true;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    blobs.push_back({chain[i].diff_id, chain[i].size});
    as_published &= chain[i].diff_id == config.diff_ids[i];
  }
  oci::Descriptor manifest = as_published
                                 ? TRY(image::write_published(layers.content(), parts.config, blobs))
                                 : TRY(image::write(layers.content(), config, blobs));
  manifest.annotations = options.annotations;
  return manifest;
}

}  // namespace pgstrata::importer
