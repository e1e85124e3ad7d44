// In what two chains of layers differ, from their change sets alone: which questions about which paths have
// another answer on the one than on the other. What a step never asked can't have changed what it did.
#pragma once

#include <vector>

#include "core/result.h"
#include "filetree/observation.h"
#include "oci/digest.h"
#include "snapshot/change_set_file.h"

namespace pgstrata::snapshot {

/// A layer and what it is called: layers with equal change-set digests are the same, mtimes aside.
struct NamedLayer {
  oci::Digest change_set;
  const ChangeSetFile* changes = nullptr;  ///< borrowed
};
using NamedChain = std::vector<NamedLayer>;  ///< bottom first

/// Every path of which a question has another answer after than before, with all such questions. A path
/// that came, went or changed its type also changes the listing of the directory it is in.
///
/// Layers that both chains have, in the same order, are left out of the search: what they alone say of a
/// path is the same in both. So the work is that of reading the layers that differ, and looking up what
/// they touch; a file, a whiteout or an opaque directory among them touches everything that it hides.
/// Modification times play no part.
Result<filetree::Observations> chain_difference(const NamedChain& before, const NamedChain& after);

}  // namespace pgstrata::snapshot
