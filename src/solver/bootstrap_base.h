// Makes a base image with mmdebstrap and puts it into the store, for machines that reach no registry.
#pragma once

#include <functional>
#include <stop_token>
#include <string_view>

#include "bootstrap/bootstrap.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "store/layer_store.h"

namespace pgstrata::solver {

/// Bootstraps `reference` (debian:SUITE or debian:SUITE-slim, of this machine's platform), tags it with its
/// name and gives its manifest. kUsage for any other image.
Result<oci::Descriptor> bootstrap_base(store::LayerStore& layers, const oci::Reference& reference,
                                       const oci::Platform& platform,
                                       const bootstrap::ProgressLine& progress, std::stop_token stop);

}  // namespace pgstrata::solver
