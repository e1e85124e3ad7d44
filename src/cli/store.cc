#include "cli/store.h"

#include <unistd.h>

#include <cstdio>

#include "os/file.h"

namespace pgstrata::cli {
namespace {

/// An index that was begun anew can't tell what a power cut left of unpacked layers, so they are made
/// again. The next build that has RUNs to do clears tmp/.
Result<void> distrust_unpacked(Store& store) {
  const std::string& root = store.content->root();
  const auto unpacked = os::names_in(root + "/unpacked");
  if (!unpacked || unpacked->empty() || !TRY(store.index->is_empty())) return {};
  // Somebody may have them mounted, who then looked here before.
  if (!TRY(store.lock->take_alone(/*wait=*/false))) return {};
  const std::string path = root + "/unpacked";
  if (std::rename(path.c_str(), store.content->temporary_path("unpacked").c_str()) != 0)
    return fail(system_error("can't remove the unpacked layers", path));
  return store.lock->share_again();
}

}  // namespace

/// Another value after every boot of the machine (random(4)).
Result<std::string> boot_id() {
  std::string id = TRY(os::read_file("/proc/sys/kernel/random/boot_id"));
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

Result<Store> open_store(const GlobalOptions& global) {
  Store store;
  auto content = content::ContentStore::open(global.root);
  if (!content) {
    Error error = std::move(content).error();
    error.kind = ErrorKind::kMachine;
    error.next = "choose a directory that you can write to with --root or PGSTRATA_ROOT";
    return fail(std::move(error));
  }
  store.content = std::make_unique<content::ContentStore>(std::move(*content));
  const std::string boot = TRY(boot_id());
  store.index = TRY(cache::Index::open(global.root + "/index.db", boot));
  store.lock = TRY(store::BuildLock::share(global.root));
  TRY_VOID(distrust_unpacked(store));
  store.layers = TRY(store::LayerStore::open(*store.content, *store.index));
  return store;
}

}  // namespace pgstrata::cli
