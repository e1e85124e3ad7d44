// The network of a step without network.
#pragma once

#include "core/result.h"

namespace pgstrata::sandbox {

/// Brings up `lo` in the calling thread's network namespace: many test suites talk to 127.0.0.1.
Result<void> bring_up_loopback();

}  // namespace pgstrata::sandbox
