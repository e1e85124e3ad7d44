// Compressed forms of the store's layers, made once per layer. The bytes are ordinary blobs of the store;
// store/compressed_forms.h says which blob is a form of which layer. Ours are called
// <codec>-<level>-<version>: <level> is "usual" where none was asked for; <version> has ours (counted up
// when the cutting into blocks changes) and the compressing library's, since another one gives other bytes,
// and the same image shall give the same archive.
#pragma once

#include "content/content_store.h"
#include "core/result.h"
#include "exporter/output.h"
#include "oci/digest.h"
#include "store/compressed_forms.h"

namespace pgstrata::exporter {

using store::StoredBlob;

/// The layer's blob as `compression` wants it: the tar itself, or a compressed form, which is made if the
/// store hasn't it. `tar` is the layer's DiffID and size.
Result<StoredBlob> compressed_layer(const content::ContentStore& store, const StoredBlob& tar,
                                    const Compression& compression);

}  // namespace pgstrata::exporter
