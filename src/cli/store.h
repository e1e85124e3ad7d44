// The store as a verb opens it: content, index, layers.
#pragma once

#include <memory>
#include <optional>

#include "cache/index.h"
#include "cli/command.h"
#include "content/content_store.h"
#include "store/build_lock.h"
#include "store/layer_store.h"

namespace pgstrata::cli {

struct Store {
  /// What this process puts into tmp/ stays as long as it holds this. A verb that leaves a process behind
  /// gives it up before.
  std::optional<store::BuildLock> lock;
  std::unique_ptr<content::ContentStore> content;
  std::unique_ptr<cache::Index> index;
  std::unique_ptr<store::LayerStore> layers;
};

/// The machine's boot id.
Result<std::string> boot_id();

/// kMachine when the directory can't be made or written.
Result<Store> open_store(const GlobalOptions& global);

}  // namespace pgstrata::cli
