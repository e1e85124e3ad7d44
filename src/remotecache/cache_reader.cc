#include "remotecache/cache_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "layer/decompress.h"
#include "layer/layer_in_place.h"
#include "oci/manifest.h"
#include "os/file.h"
#include "remotecache/form.h"
#include "snapshot/chain_view.h"

namespace pgstrata::remotecache {
namespace {

Error contradiction(std::string why) {
  return {.kind = ErrorKind::kCorrupt,
          .what = "a layer of the shared cache isn't what its records say",
          .why = std::move(why)};
}

}  // namespace

struct CacheReader::Cache {
  Place place;
  std::unique_ptr<Source> source;
  Records records;
};

CacheReader::CacheReader(const std::vector<Place>& places, store::LayerStore& layers, Options options)
    : layers_(layers), options_(std::move(options)) {
  for (const Place& place : places) {
    caches_.push_back(std::make_unique<Cache>());
    caches_.back()->place = place;
  }
}

CacheReader::~CacheReader() = default;

void CacheReader::warn(const Cache& cache, const Error& error) {
  if (error.kind == ErrorKind::kCancelled) return;  // the build's own end says it
  std::string text = fmt::format("the shared cache {}: {}", in_words(cache.place), error.message());
  if (warned_.insert(text).second) options_.warn(text);
}

Result<std::string> CacheReader::text_of(Cache& cache, const store::StoredBlob& blob, std::uint64_t limit) {
  if (blob.size > limit)
    return fail({.kind = ErrorKind::kCorrupt,
                 .what = "a blob of the shared cache is too large",
                 .where = blob.digest.str(),
                 .why = fmt::format("{} bytes", blob.size)});
  std::string text;
  TRY_VOID(cache.source->blob(blob, {.write = [&](std::span<const std::byte> bytes) -> Result<void> {
                                       text.append(reinterpret_cast<const char*>(bytes.data()),
                                                   bytes.size());
                                       return {};
                                     },
                                     .restart = [&]() -> Result<void> {
                                       text.clear();
                                       return {};
                                     }}));
  return text;
}

void CacheReader::load() {
  if (std::exchange(is_loaded_, true)) return;
  for (const auto& cache : caches_) load(*cache);
}

void CacheReader::load(Cache& cache) {
  const auto records = [&]() -> Result<Records> {
    cache.source = TRY(open_source(cache.place, options_.access));
    const std::string text = TRY(cache.source->manifest());
    const auto manifest = TRY(oci::ImageManifest::from_json(text));
    if (manifest.config.media_type != kRecordsType)
      return fail({.kind = ErrorKind::kCorrupt,
                   .what = "it isn't a cache that --cache-to wrote",
                   .why = fmt::format("its configuration is {}", manifest.config.media_type)});
    return decode(TRY(
        text_of(cache, {.digest = manifest.config.digest, .size = manifest.config.size}, kLargestRecords)));
  }();
  if (records)
    cache.records = *records;
  else if (records.error().kind == ErrorKind::kNotFound)
    warn(cache, {.what = "there is none yet", .where = "", .why = records.error().what});
  else
    warn(cache, records.error());
}

std::vector<CacheReader::Found<SharedKey>> CacheReader::keys(const oci::Digest& key) {
  const std::scoped_lock lock(mutex_);
  load();
  std::vector<Found<SharedKey>> found;
  for (std::size_t i = 0; i < caches_.size(); ++i)
    for (const SharedKey& record : caches_[i]->records.keys)
      if (record.key == key) found.push_back({.record = &record, .cache = i});
  return found;
}

std::vector<CacheReader::Found<SharedRun>> CacheReader::runs(const oci::Digest& op) {
  const std::scoped_lock lock(mutex_);
  load();
  std::vector<Found<SharedRun>> found;
  for (std::size_t i = 0; i < caches_.size(); ++i)
    for (const SharedRun& record : caches_[i]->records.runs)
      if (record.op == op) found.push_back({.record = &record, .cache = i});
  return found;
}

Result<const snapshot::ChangeSetFile*> CacheReader::list(Cache& cache, const SharedLayer& layer) {
  auto& file = lists_[layer.list.digest];
  if (!file) {
    const std::string packed = TRY(text_of(cache, layer.list, kLargestList));
    std::string bytes = TRY(unpacked_list(packed, layer.row.change_set));
    file = std::make_unique<snapshot::ChangeSetFile>(TRY(snapshot::ChangeSetFile::from_bytes(
        std::move(bytes), "the list of files of " + layer.row.diff_id.str())));
  }
  return file.get();
}

std::optional<snapshot::NamedChain> CacheReader::chain(const Found<SharedRun>& run,
                                                       const snapshot::NamedChain& here) {
  const std::scoped_lock lock(mutex_);
  Cache& cache = *caches_[run.cache];
  snapshot::NamedChain chain;
  for (const std::size_t number : run.record->chain) {
    const SharedLayer& layer = cache.records.layers[number];
    const auto same = std::find_if(here.begin(), here.end(), [&](const snapshot::NamedLayer& other) {
      return other.change_set == layer.row.change_set && other.times == layer.row.times;
    });
    if (same != here.end()) {
      chain.push_back(*same);
      continue;
    }
    const auto changes = list(cache, layer);
    if (!changes) {
      warn(cache, changes.error());
      return std::nullopt;
    }
    const bool by_step = !layer.row.times.is_none();
    chain.push_back({.change_set = layer.row.change_set,
                     .times = layer.row.times,
                     .step = by_step ? std::optional(layer.row.step) : std::nullopt,
                     .changes = *changes});
  }
  return chain;
}

std::optional<cache::LayerRow> CacheReader::take(std::size_t cache, std::size_t layer) {
  const std::scoped_lock lock(mutex_);
  Cache& from = *caches_[cache];
  const SharedLayer& wanted = from.records.layers[layer];
  if (refused_.contains(wanted.row.diff_id)) return std::nullopt;
  auto row = bring(from, wanted);
  if (row) return *row;
  refused_.insert(wanted.row.diff_id);
  warn(from, row.error());
  return std::nullopt;
}

void CacheReader::refuse(std::size_t cache, const Error& error) {
  const std::scoped_lock lock(mutex_);
  warn(*caches_[cache], error);
}

Result<cache::LayerRow> CacheReader::bring(Cache& cache, const SharedLayer& layer) {
  const oci::Digest& diff_id = layer.row.diff_id;
  const auto known = TRY(layers_.index().layer(diff_id));
  if (known && layers_.is_present(*known)) return *known;
  const content::ContentStore& store = layers_.content();
  const snapshot::ChangeSetFile* list = TRY(this->list(cache, layer));

  content::Ingest blob = TRY(store.ingest());
  const registry::BlobSink sink{
      .write =
          [&](std::span<const std::byte> bytes) { return os::write_all(blob.fd(), bytes, blob.path()); },
      .restart = [&]() -> Result<void> {
        if (::ftruncate(blob.fd(), 0) == 0 && ::lseek(blob.fd(), 0, SEEK_SET) == 0) return {};
        return fail(system_error("can't begin anew", blob.path()));
      }};
  TRY_VOID(cache.source->blob(*layer.tar, sink));

  content::Ingest tar = TRY(store.ingest());
  const os::Fd packed = TRY(os::open(blob.path(), O_RDONLY));
  const auto unpacked = TRY(layer::decompress(
      packed.get(), layer.tar->digest.str(), std::min(options_.layer_limit, layer.row.size),
      [&](std::span<const std::byte> bytes) { return os::write_all(tar.fd(), bytes, tar.path()); }));
  if (unpacked.digest != diff_id || unpacked.size != layer.row.size)
    return fail(
        contradiction(fmt::format("its DiffID is {}, {} bytes; expected {}, {} bytes",
                                  unpacked.digest.str(), unpacked.size, diff_id.str(), layer.row.size)));
  auto entries = TRY(layer::read_in_place(tar.path()));
  if (!entries) return fail(contradiction("its tar isn't one that we write"));
  auto changes = TRY(layer::changes_in_place(*std::move(entries), snapshot::ChainView({}, "nothing")));
  layer::WrittenLayer written{.changes = std::move(changes),
                              .diff_id = diff_id,
                              .change_set_digest = layer.row.change_set,
                              .size = unpacked.size};
  const oci::Digest found = filetree::change_set_digest(written.changes);
  if (found != layer.row.change_set)
    return fail(contradiction(
        fmt::format("its change set is {}, expected {}", found.str(), layer.row.change_set.str())));
  // All of it is in the tar, but which directories are only there as parents.
  for (std::size_t i = 0; i < written.changes.size(); ++i)
    written.changes[i].implied = TRY(list->entry(i)).implied;
  if (unpacked.compression) {
    TRY_VOID(blob.commit(layer.tar->digest));
    TRY_VOID(store::record_form(store, store::original_form(*unpacked.compression), diff_id, *layer.tar));
  }
  return layers_.add_written(std::move(tar), written, layer.row.times, layer.row.step);
}

}  // namespace pgstrata::remotecache
