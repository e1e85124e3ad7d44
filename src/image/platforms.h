// An image for several platforms: an index of the store (image-spec image-index.md) to which its names
// lead, and which has a manifest for each platform. The descriptors in it keep their annotations, so that
// each leads to its own attestations (attest/attestation.h); names have only the whole.
#pragma once

#include <optional>
#include <vector>

#include "content/content_store.h"
#include "core/result.h"
#include "oci/manifest.h"
#include "oci/platform.h"

namespace pgstrata::image {

/// What the images' names are to lead to: the manifest, or the index of several, which is written.
Result<oci::Descriptor> join(const content::ContentStore& store, std::vector<oci::Descriptor> manifests);

/// What a name leads to, the other way round: the manifests of its index, or the one that `named` is.
Result<std::vector<oci::Descriptor>> manifests(const content::ContentStore& store,
                                               const oci::Descriptor& named);

/// The manifest for a platform: an equal one, else the best of those that run there.
[[nodiscard]] std::optional<oci::Descriptor> choose(const std::vector<oci::Descriptor>& manifests,
                                                    const oci::Platform& platform);

}  // namespace pgstrata::image
