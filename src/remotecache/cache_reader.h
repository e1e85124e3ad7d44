// --cache-from: the records of other machines' builds, and their layers (docs/shared-cache.md).
//
// Nothing is asked before the store misses something for the first time; then the records come whole, lists
// of files when a run is compared, and a layer when it is used. Nothing of a cache gets into the store but
// a layer that is used, after its bytes were checked. What can't be read is warned of, once, and counts as
// absent.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "remotecache/records.h"
#include "remotecache/transfer.h"
#include "snapshot/chain_difference.h"
#include "store/layer_store.h"

namespace pgstrata::remotecache {

/// All calls may come from several threads. What it gives stays valid as long as it lives.
class CacheReader {
 public:
  struct Options {
    Access access;
    std::uint64_t layer_limit = 0;  ///< bytes of one uncompressed layer
    std::function<void(std::string_view)> warn;
  };
  /// `layers` is borrowed. Earlier places are asked first.
  CacheReader(const std::vector<Place>& places, store::LayerStore& layers, Options options);
  ~CacheReader();

  /// A record, and which of the caches it is from.
  template <class T>
  struct Found {
    const T* record = nullptr;
    std::size_t cache = 0;
  };
  [[nodiscard]] std::vector<Found<SharedKey>> keys(const oci::Digest& key);
  [[nodiscard]] std::vector<Found<SharedRun>> runs(const oci::Digest& op);

  /// The layers that a run was made on, for chain_difference() with `here`: whichever `here` has, too, are
  /// the store's. Nothing if they can't be had.
  std::optional<snapshot::NamedChain> chain(const Found<SharedRun>& run, const snapshot::NamedChain& here);

  /// A layer of a record, brought into the store if it isn't there. Nothing if it can't be had, or isn't
  /// what the records promise: then it has left no trace.
  std::optional<cache::LayerRow> take(std::size_t cache, std::size_t layer);

  /// A record that turned out to be worth nothing.
  void refuse(std::size_t cache, const Error& error);

 private:
  struct Cache;

  void load();
  void load(Cache& cache);
  Result<std::string> text_of(Cache& cache, const store::StoredBlob& blob, std::uint64_t limit);
  Result<const snapshot::ChangeSetFile*> list(Cache& cache, const SharedLayer& layer);
  Result<cache::LayerRow> bring(Cache& cache, const SharedLayer& layer);
  void warn(const Cache& cache, const Error& error);

  store::LayerStore& layers_;
  const Options options_;
  std::mutex mutex_;  ///< of what follows
  bool is_loaded_ = false;
  std::vector<std::unique_ptr<Cache>> caches_;
  std::map<oci::Digest, std::unique_ptr<snapshot::ChangeSetFile>> lists_;  ///< by their blobs
  std::set<oci::Digest> refused_;                                          ///< DiffIDs
  std::set<std::string> warned_;
};

}  // namespace pgstrata::remotecache
