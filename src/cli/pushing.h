// What may be pushed, and how a stored image is.
#pragma once

#include "core/result.h"
#include "oci/image_config.h"

namespace pgstrata::cli {

/// kUsage for an image on a base that was made from this machine's packages because no registry could be
/// reached: nobody else has that base. `allow`: --allow-bootstrap.
Result<void> check_pushable(const oci::ImageConfig& config, bool allow);

}  // namespace pgstrata::cli
