#include "remotecache/cache_writer.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "exporter/compressed_layers.h"
#include "oci/manifest.h"
#include "os/file.h"
#include "os/in_parallel.h"
#include "remotecache/form.h"

namespace pgstrata::remotecache {
namespace {

constexpr std::size_t kParallel = 3;

class Collection {
 public:
  explicit Collection(store::LayerStore& layers) : layers_(layers) {}

  Result<void> add(const oci::Digest& key) {
    const auto hit = TRY(layers_.index().find(key));
    // Another build has made room meanwhile.
    if (!hit || !layers_.is_present(hit->layer)) return {};
    const std::size_t layer = number(hit->layer);
    // That there is one says that the tar goes along.
    records_.layers[layer].tar.emplace();
    records_.keys.push_back({.key = key,
                             .layer = layer,
                             .seconds = hit->seconds,
                             .made = hit->made,
                             .written = hit->written,
                             .op = hit->op});
    return hit->op.is_none() ? Result<void>{} : add_run(*hit, layer);
  }

  Records finish() { return std::move(records_); }

 private:
  /// The newest one that gave the layer and can be compared with.
  Result<void> add_run(const cache::Hit& hit, std::size_t layer) {
    for (const cache::RecordedRun& run : TRY(layers_.index().runs(hit.op))) {
      if (run.layer.diff_id != hit.layer.diff_id) continue;
      const auto chain = TRY(layers_.rows(run.chain));
      if (!chain) continue;
      cache::Asked asked = TRY(layers_.index().asked(run.id));
      SharedRun shared{.op = hit.op,
                       .inputs = run.inputs,
                       .layer = layer,
                       .chain = {},
                       .seconds = run.seconds,
                       .made = run.made,
                       .asked = std::move(asked.root),
                       .mounts = std::move(asked.mounts),
                       .names = asked.names};
      for (const cache::LayerRow& below : *chain) shared.chain.push_back(number(below));
      records_.runs.push_back(std::move(shared));
      return {};
    }
    return {};
  }

  std::size_t number(const cache::LayerRow& row) {
    const auto [known, is_new] = numbers_.emplace(row.diff_id, records_.layers.size());
    if (is_new) records_.layers.push_back({.row = row, .list = {}, .tar = {}});
    return known->second;
  }

  store::LayerStore& layers_;
  Records records_;
  std::map<oci::Digest, std::size_t> numbers_;
};

class Writing {
 public:
  Writing(store::LayerStore& layers, Records records, Destination& to)
      : layers_(layers), records_(std::move(records)), to_(to) {}

  Result<Written> run() {
    const auto one = [this](std::size_t i, const std::stop_token&) {
      return send_layer(records_.layers[i]);
    };
    TRY_VOID(os::in_parallel(records_.layers.size(), kParallel, {}, one));
    oci::ImageManifest manifest;
    const std::string config = encode(records_);
    const store::StoredBlob stored = TRY(send_text(config));
    manifest.config = descriptor(kRecordsType, stored);
    for (const SharedLayer& layer : records_.layers) {
      manifest.layers.push_back(descriptor(kListType, layer.list));
      if (layer.tar) manifest.layers.push_back(descriptor(oci::media_type::kLayerGzip, *layer.tar));
    }
    TRY_VOID(to_.publish(manifest.to_json()));
    written_.steps = records_.keys.size();
    return written_;
  }

 private:
  static oci::Descriptor descriptor(std::string_view type, const store::StoredBlob& blob) {
    return {.media_type = std::string(type),
            .digest = blob.digest,
            .size = blob.size,
            .annotations = {},
            .platform = {}};
  }

  Result<void> send_layer(SharedLayer& layer) {
    const std::string path = layers_.changes_path(layer.row.diff_id);
    std::string bytes = TRY(os::read_file(path));
    const std::string list = TRY(packed_list(std::move(bytes), path));
    layer.list = TRY(send_text(list));
    if (!layer.tar) return {};
    layer.tar = TRY(exporter::compressed_layer(
        layers_.content(), {.digest = layer.row.diff_id, .size = layer.row.size}, exporter::Compression{}));
    const os::Fd fd = TRY(layers_.content().open_blob(layer.tar->digest));
    return send({.fd = fd.get(), .digest = layer.tar->digest, .size = layer.tar->size});
  }

  Result<store::StoredBlob> send_text(const std::string& text) {
    const content::Ingest file = TRY(layers_.content().ingest());
    TRY_VOID(os::write_all(file.fd(), text, file.path()));
    const store::StoredBlob blob{.digest = oci::sha256(text), .size = text.size()};
    const os::Fd fd = TRY(os::open(file.path(), O_RDONLY));
    TRY_VOID(send({.fd = fd.get(), .digest = blob.digest, .size = blob.size}));
    return blob;
  }

  Result<void> send(const registry::BlobSource& blob) {
    {
      const std::scoped_lock lock(mutex_);
      if (!sent_.insert(blob.digest).second) return {};
    }
    const bool there = TRY(to_.has({.digest = blob.digest, .size = blob.size}));
    if (!there) TRY_VOID(to_.put(blob));
    const std::scoped_lock lock(mutex_);
    ++(there ? written_.present : written_.uploaded);
    if (!there) written_.uploaded_bytes += blob.size;
    return {};
  }

  store::LayerStore& layers_;
  Records records_;
  Destination& to_;
  std::mutex mutex_;  ///< of what follows
  std::set<oci::Digest> sent_;
  Written written_;
};

}  // namespace

Result<Records> collect(store::LayerStore& layers, const std::vector<oci::Digest>& keys) {
  Collection collection(layers);
  std::set<oci::Digest> seen;
  for (const oci::Digest& key : keys)
    if (seen.insert(key).second) TRY_VOID(collection.add(key));
  return collection.finish();
}

Result<Written> write_cache(store::LayerStore& layers, const std::vector<oci::Digest>& keys,
                            Destination& to) {
  Records records = TRY(collect(layers, keys));
  return Writing(layers, std::move(records), to).run();
}

}  // namespace pgstrata::remotecache
