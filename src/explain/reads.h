// Which of the things that a RUN asked came from where: from files that a COPY brought from the context,
// from another step, from the base image, or from nowhere.
#pragma once

#include <string>
#include <vector>

#include "cache/read_set.h"
#include "core/result.h"
#include "explain/explanation.h"
#include "snapshot/chain_view.h"

namespace pgstrata::explain {

/// Who made the layers of the chain that `view` shows: one origin for each, bottom first.
using LayerOrigins = std::vector<Origin>;

/// A path is put to the topmost layer that has it: that decides what a look-up of it finds. (A merged
/// directory's names may come from others, too.)
Result<Reads> grouped_reads(const cache::ReadSet& asked, const snapshot::ChainView& view,
                            const LayerOrigins& origins);

/// What was asked of bind mounts, `binds` being their targets, put behind `reads`' other groups but the
/// last.
void add_mounts(const std::vector<cache::AskedMount>& mounts, const std::vector<std::string>& binds,
                Reads& reads);

}  // namespace pgstrata::explain
