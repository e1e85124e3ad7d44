// --build-context NAME=oci-layout://PATH[:TAG][@DIGEST]: an image of an OCI image layout, brought into the
// store.
#pragma once

#include <string>

#include "core/result.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "store/layer_store.h"

namespace pgstrata::importer {

/// Annotation of the descriptor that import_layout() gives: the digest that the layout has for the image
/// (of the index, if there is one).
inline constexpr const char* kLayoutDigest = "org.pgstrata.layout.digest";

/// `place` is what stands behind "oci-layout://". Without TAG and DIGEST: the tag "latest", or the only
/// image. The manifest that is given is that of import_image().
/// kUsage: no such layout, image or platform; kCorrupt: a blob isn't what its name says.
Result<oci::Descriptor> import_layout(store::LayerStore& layers, const std::string& place,
                                      const oci::Platform& platform);

}  // namespace pgstrata::importer
