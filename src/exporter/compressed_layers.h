// Compressed forms of the store's layers, made once per layer. The bytes are ordinary blobs of the store;
// what says that they are a form of a layer is one small file:
//
//   ROOT/compressed/<codec>-<level>-<version>/<hex of the DiffID>
//     one line: the compressed blob's digest ("sha256:…"), its size, and the boot id under which it was
//     written, separated by blanks
//
// <level> is "usual" where none was asked for; <version> has ours (counted up when the cutting into blocks
// changes) and the compressing library's, since another one gives other bytes, and the same image shall
// give the same archive. Nothing is synced: a record of another boot is believed only after its blob was
// hashed. Any of these files may be removed at any time.
#pragma once

#include <cstdint>

#include "content/content_store.h"
#include "core/result.h"
#include "exporter/output.h"
#include "oci/digest.h"

namespace pgstrata::exporter {

struct StoredBlob {
  oci::Digest digest;
  std::uint64_t size = 0;
  bool operator==(const StoredBlob&) const = default;
};

/// The layer's blob as `compression` wants it: the tar itself, or a compressed form, which is made if the
/// store hasn't it. `tar` is the layer's DiffID and size.
Result<StoredBlob> compressed_layer(const content::ContentStore& store, const StoredBlob& tar,
                                    const Compression& compression);

}  // namespace pgstrata::exporter
