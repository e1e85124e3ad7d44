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

struct OriginLayer {
  const snapshot::ChangeSetFile* changes = nullptr;  ///< borrowed
  Origin origin;                                     ///< who made it
};

/// `layers` are those that `view` shows, bottom first. A path is put to the topmost layer that has it: that
/// decides what a look-up of it finds. (A merged directory's names may come from others, too.) A directory
/// that a layer only has because something below it changed is put to the layer that made it.
Result<Reads> grouped_reads(const cache::ReadSet& asked, const snapshot::ChainView& view,
                            const std::vector<OriginLayer>& layers);

/// What was asked of bind mounts, `binds` being their targets, put behind `reads`' other groups but the
/// last.
void add_mounts(const std::vector<cache::AskedMount>& mounts, const std::vector<std::string>& binds,
                Reads& reads);

}  // namespace pgstrata::explain
