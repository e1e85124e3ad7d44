#include "prune/prune.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "os/file.h"
#include "store/compressed_forms.h"

namespace pgstrata::prune {
namespace {

/// Needed layers and blobs stay; of what can be made from a layer only that which is mounted.
bool may_go(const Item& item, const std::set<oci::Digest>& held) {
  if (item.kind == Kind::kUnpacked) return !held.contains(item.layer);
  if (item.kind == Kind::kCompressed) return true;
  return !item.needed;
}

Result<void> remove_compressed(store::LayerStore& layers, const Item& item) {
  const std::string record = layers.content().root() + "/" + item.name;
  const std::size_t from = item.name.find('/') + 1;
  const std::string form = item.name.substr(from, item.name.rfind('/') - from);
  const auto blob = store::blob_of_form(layers.content(), form, item.layer);
  ::unlink(record.c_str());
  // An uncompressed "form" would be the layer's own tar.
  if (!blob) return {};
  if (TRY(layers.index().layer(blob->digest))) return {};
  ::unlink(layers.content().blob_path(blob->digest).c_str());
  return {};
}

Result<void> remove_one(store::LayerStore& layers, const Item& item) {
  switch (item.kind) {
    case Kind::kLayer:
      return layers.remove(item.layer);
    case Kind::kUnpacked:
      return layers.remove_unpacked(item.layer);
    case Kind::kCompressed:
      return remove_compressed(layers, item);
    case Kind::kBlob:
    case Kind::kCacheMount:
    case Kind::kDownload:
      break;
  }
  // Aside first: whoever finds it under its own name finds all of it.
  const std::string path = layers.content().root() + "/" + item.name;
  const std::string aside = layers.content().temporary_path("removed");
  if (::rename(path.c_str(), aside.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return fail(system_error("can't remove", path));
  }
  return os::remove_tree(aside);
}

}  // namespace

std::vector<Item> choose(const Inventory& inventory, const std::set<oci::Digest>& held,
                         const Policy& policy) {
  std::vector<Item> candidates;
  for (const Item& item : inventory.items)
    if (may_go(item, held) && (!policy.unused_since || item.last_used < *policy.unused_since))
      candidates.push_back(item);
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Item& a, const Item& b) { return a.last_used < b.last_used; });
  std::uint64_t left = inventory.total();
  std::size_t count = 0;
  while (count < candidates.size() && left > policy.keep_bytes)
    left -= std::min(left, candidates[count++].bytes);
  candidates.resize(count);
  return candidates;
}

Result<std::uint64_t> remove(store::LayerStore& layers, const std::vector<Item>& items) {
  std::uint64_t freed = 0;
  for (const Item& item : items) {
    TRY_VOID(remove_one(layers, item));
    freed += item.bytes;
  }
  return freed;
}

std::uint64_t usual_bound(const std::string& root) {
  constexpr std::uint64_t kUsual = 10'000'000'000;
  struct statvfs disk {};
  if (::statvfs(root.c_str(), &disk) != 0) return kUsual;
  return std::max(kUsual, std::uint64_t{disk.f_blocks} * disk.f_frsize / 10);
}

}  // namespace pgstrata::prune
