// Goes over everything in a store: blobs against their digests, lists of files, unpacked layers byte by
// byte, rows of the index, what images name, and what killed builds left. Changes nothing.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/result.h"
#include "fsck/finding.h"
#include "image/tags.h"
#include "oci/digest.h"
#include "store/layer_store.h"

namespace pgstrata::fsck {

/// What there is in a store by name: taken quickly, while nobody makes something.
struct Names {
  /// Before the rows, and these before the files: what one names was there before it. An error if the list
  /// of images can't be read; then nothing counts as left over.
  Result<std::vector<image::Tagged>> tags;
  std::vector<cache::LayerRow> rows;
  std::vector<std::string> blobs, changes, unpacked, temporary;  ///< in their directories
  std::vector<std::string> compressed;                           ///< FORM/HEX
  bool alone = false;                                            ///< no build was at work
};
Result<Names> list_names(store::LayerStore& layers, bool alone);

/// `held`: layers that containers use; nothing of them is removed. The process must be able to read layers'
/// files: as a plain user it is in the user namespace. Findings are in an order in which repairs work.
/// Builds may go on: what they add is not looked at, and without `names.alone` no leftovers are found.
Result<Report> check(store::LayerStore& layers, const std::set<oci::Digest>& held, const Names& names);

}  // namespace pgstrata::fsck
