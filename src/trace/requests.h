// The kernel's questions, as libfuse hands them over: answered from the Source of a Server, noted in its
// Nodes. The one header that names libfuse's; only server.cc and requests.cc include it.
#pragma once

#define FUSE_USE_VERSION 34
#include <fuse3/fuse_lowlevel.h>

namespace pgstrata::trace {

/// For a session whose user data is a Server.
[[nodiscard]] const fuse_lowlevel_ops& operations();

}  // namespace pgstrata::trace
