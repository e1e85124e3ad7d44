// --cache-to: what a build's steps gave, and what its RUNs asked, for other machines
// (docs/shared-cache.md).
#pragma once

#include <cstdint>
#include <vector>

#include "core/result.h"
#include "oci/digest.h"
#include "remotecache/records.h"
#include "remotecache/transfer.h"
#include "store/layer_store.h"

namespace pgstrata::remotecache {

struct Written {
  std::size_t steps = 0;
  int uploaded = 0;
  int present = 0;  ///< blobs that were there
  std::uint64_t uploaded_bytes = 0;
};

/// The records of the exact keys of a build's steps, as the index has them. Of a RUN, the run that gave its
/// layer; of the layers that it ran on only the lists of files go along. Where the blobs are isn't known
/// yet.
Result<Records> collect(store::LayerStore& layers, const std::vector<oci::Digest>& keys);

/// Sends what the destination lacks, and makes it the cache there: what it was before is replaced. Layers
/// are compressed as a push compresses them, and kept in that form.
Result<Written> write_cache(store::LayerStore& layers, const std::vector<oci::Digest>& keys,
                            Destination& to);

}  // namespace pgstrata::remotecache
