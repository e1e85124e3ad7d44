// Which blob is a compressed form of which layer. One small file each:
//
//   ROOT/compressed/FORM/<hex of the DiffID>
//     one line: the compressed blob's digest ("sha256:…"), its size, and the boot id under which it was
//     written, separated by blanks
//
// FORM says how it was made (exporter/compressed_layers.h), or "original-gzip", "original-zstd": as a
// registry gave it. Nothing is synced: a record of another boot is believed only after its blob was hashed.
// Any of these files may be removed at any time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "content/content_store.h"
#include "core/result.h"
#include "layer/compress.h"
#include "oci/digest.h"

namespace pgstrata::store {

struct StoredBlob {
  oci::Digest digest;
  std::uint64_t size = 0;
  bool operator==(const StoredBlob&) const = default;
};

/// The form, if its blob is there and can be trusted.
Result<std::optional<StoredBlob>> find_form(const content::ContentStore& store, const std::string& form,
                                            const oci::Digest& diff_id);
/// What the record says, whether the blob is there or not.
[[nodiscard]] std::optional<StoredBlob> blob_of_form(const content::ContentStore& store,
                                                     const std::string& form, const oci::Digest& diff_id);
/// After the blob was stored.
Result<void> record_form(const content::ContentStore& store, const std::string& form,
                         const oci::Digest& diff_id, const StoredBlob& blob);

/// The form in which somebody else published a layer.
[[nodiscard]] std::string original_form(layer::Compression compression);

}  // namespace pgstrata::store
