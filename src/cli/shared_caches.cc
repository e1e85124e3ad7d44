#include "cli/shared_caches.h"

#include <fmt/format.h>

#include <set>

#include "remotecache/cache_writer.h"

namespace pgstrata::cli {
namespace {

remotecache::Access access_of(const Store& store, Registries& registries, progress::Sink& sink) {
  return {.to_read = [&registries](const oci::Reference& name) { return registries.to_read(name); },
          .to_write = [&registries](const oci::Reference& name) { return registries.to_write(name); },
          .note = [&sink](std::string_view line) { sink.message(progress::Level::kInfo, line); },
          .interruptible = {},
          .store = store.content->root()};
}

/// The keys of the steps whose layers are in the image of a platform.
std::vector<oci::Digest> of_images(const graph::MergedGraph& merged, const std::vector<oci::Digest>& keys) {
  std::vector<oci::Digest> found;
  std::set<graph::VertexId> seen;
  for (const auto& root : merged.roots)
    for (auto at = root; at && seen.insert(*at).second; at = merged.graph.vertices[*at].parent)
      if (!keys[*at].is_none()) found.push_back(keys[*at]);
  return found;
}

std::vector<oci::Digest> of_all(const std::vector<oci::Digest>& keys) {
  std::vector<oci::Digest> found;
  for (const oci::Digest& key : keys)
    if (!key.is_none()) found.push_back(key);
  return found;
}

std::string in_words(const remotecache::Place& place, const remotecache::Written& written) {
  return fmt::format("shared {} step{} in {}: {} blob{} sent ({:.1f} MB), {} there already", written.steps,
                     written.steps == 1 ? "" : "s", remotecache::in_words(place), written.uploaded,
                     written.uploaded == 1 ? "" : "s", static_cast<double>(written.uploaded_bytes) / 1e6,
                     written.present);
}

Result<remotecache::Written> write_one(const remotecache::CacheTo& to, const std::vector<oci::Digest>& keys,
                                       Store& store, Registries& registries, progress::Sink& sink) {
  const auto destination = TRY(remotecache::open_destination(to.place, access_of(store, registries, sink)));
  return remotecache::write_cache(*store.layers, keys, *destination);
}

}  // namespace

Result<SharedCaches> parse_shared_caches(const std::vector<std::string>& to,
                                         const std::vector<std::string>& from) {
  SharedCaches caches;
  for (const std::string& text : to) caches.to.push_back(TRY(remotecache::parse_cache_to(text)));
  for (const std::string& text : from) caches.from.push_back(TRY(remotecache::parse_cache_from(text)));
  return caches;
}

Result<std::unique_ptr<remotecache::CacheReader>> open_shared(const std::vector<remotecache::Place>& from,
                                                              Store& store, Registries& registries,
                                                              progress::Sink& sink,
                                                              Interruptible interruptible) {
  if (from.empty()) return nullptr;
  const std::uint64_t limit = TRY(layer_limit());
  remotecache::Access access = access_of(store, registries, sink);
  access.interruptible = std::move(interruptible);
  return std::make_unique<remotecache::CacheReader>(
      from, *store.layers,
      remotecache::CacheReader::Options{
          .access = std::move(access), .layer_limit = limit, .warn = [&sink](std::string_view text) {
            sink.message(progress::Level::kWarning, text);
          }});
}

Result<void> write_shared(const std::vector<remotecache::CacheTo>& to, const graph::MergedGraph& graph,
                          const std::vector<oci::Digest>& keys, Store& store, Registries& registries,
                          progress::Sink& sink) {
  for (const remotecache::CacheTo& cache : to) {
    const bool min = cache.mode == remotecache::Mode::kMin;
    const auto written =
        write_one(cache, min ? of_images(graph, keys) : of_all(keys), store, registries, sink);
    if (written) {
      sink.message(progress::Level::kInfo, in_words(cache.place, *written));
      continue;
    }
    Error error = written.error();
    error.what =
        fmt::format("can't write the shared cache {}: {}", remotecache::in_words(cache.place), error.what);
    if (!cache.ignore_error) return fail(std::move(error));
    sink.message(progress::Level::kWarning, error.message());
  }
  return {};
}

}  // namespace pgstrata::cli
