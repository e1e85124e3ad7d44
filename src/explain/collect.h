// Puts together what a store knows of a build.
#pragma once

#include "core/result.h"
#include "explain/explanation.h"
#include "store/layer_store.h"

namespace pgstrata::explain {

/// What was removed from the store since is left out, and said so where it was looked for; errors are those
/// of a store that can't be read.
Result<Explanation> collect(const history::Build& build, store::LayerStore& layers);

}  // namespace pgstrata::explain
