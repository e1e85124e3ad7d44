// In what two chains of layers differ, from their change sets alone: which questions about which paths have
// another answer on the one than on the other. What a step never asked can't have changed what it did.
#pragma once

#include <optional>
#include <vector>

#include "core/result.h"
#include "filetree/observation.h"
#include "filetree/step_times.h"
#include "oci/digest.h"
#include "snapshot/change_set_file.h"

namespace pgstrata::snapshot {

/// A layer and what it is called: layers with equal digests are the same.
struct NamedLayer {
  oci::Digest change_set;
  oci::Digest times = {};                        ///< filetree::times_digest() of what a step made
  std::optional<filetree::StepTimes> step = {};  ///< when that was
  const ChangeSetFile* changes = nullptr;        ///< borrowed
};
using NamedChain = std::vector<NamedLayer>;  ///< bottom first

/// Every path of which a question has another answer after than before, with all such questions. A path
/// that came, went or changed its type also changes the listing of the directory it is in.
///
/// Layers that both chains have, in the same order, are left out of the search: what they alone say of a
/// path is the same in both. So the work is that of reading the layers that differ, and looking up what
/// they touch; a file, a whiteout or an opaque directory among them touches everything that it hides.
/// Of modification times only those of files that a step made, on both sides, play a part: they are content
/// if they mean another thing (filetree/step_times.h), since programs that stat a file decide by them.
Result<filetree::Observations> chain_difference(const NamedChain& before, const NamedChain& after);

}  // namespace pgstrata::snapshot
