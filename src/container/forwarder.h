// Published ports of a container with a network of its own: TCP connections to the machine's port are
// carried to 127.0.0.1 (then ::1) inside.
#pragma once

#include <cstdint>
#include <vector>

#include "container/options.h"
#include "core/result.h"
#include "os/fd.h"

namespace pgstrata::container {

struct Listener {
  os::Fd socket;           ///< listening on the machine's side
  std::uint16_t port = 0;  ///< inside
};

/// Takes the machine's side of a port. kUsage if it is taken or needs root.
Result<Listener> listen_on(const PublishedPort& port);

/// Moves the calling process (single-threaded) into the network of `network_namespace` (a descriptor) and
/// carries bytes until it is killed.
[[noreturn]] void forward(std::vector<Listener> listeners, int network_namespace);

}  // namespace pgstrata::container
