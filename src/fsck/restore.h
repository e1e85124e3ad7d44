// The parts of a layer, made again from its other parts. Every one is compared with the layer's digests.
#pragma once

#include "core/result.h"
#include "fsck/finding.h"
#include "layer/tar_stream.h"
#include "store/layer_store.h"

namespace pgstrata::fsck {

/// Writes the tar to `sink`; kCorrupt if it isn't that of `layer`.
Result<void> make_tar(store::LayerStore& layers, const oci::Digest& layer, const TarSource& source,
                      const layer::ByteSink& sink);
/// The list of the layer's files from its tar; kCorrupt if that isn't what its row names.
Result<filetree::ChangeSet> make_changes(store::LayerStore& layers, const oci::Digest& layer);

/// Does it. The caller holds the store alone.
Result<void> repair(store::LayerStore& layers, const Remedy& remedy);

}  // namespace pgstrata::fsck
