#include "cli/store.h"

#include <unistd.h>

#include "os/file.h"

namespace pgstrata::cli {
namespace {

/// Another value after every boot of the machine (random(4)).
Result<std::string> boot_id() {
  std::string id = TRY(os::read_file("/proc/sys/kernel/random/boot_id"));
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

}  // namespace

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
  store.layers = TRY(store::LayerStore::open(*store.content, *store.index));
  return store;
}

}  // namespace pgstrata::cli
