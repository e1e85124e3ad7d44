// One run, seen from the thread that owns it: namespaces, mounts, fork, wait, clean up.
#pragma once

#include "core/result.h"
#include "os/fd.h"
#include "sandbox/launcher.h"

namespace pgstrata::sandbox {

/// The ends of the pipes that go to the program, and the way in for a request to stop.
struct Channels {
  os::Fd stdout_write;
  os::Fd stderr_write;
  os::Fd stop;  ///< readable once the run is to be stopped
};

/// Runs `spec` to its end on the calling thread, which must have no other purpose: it gets namespaces of
/// its own, and PR_SET_PDEATHSIG of the sandbox is tied to it. Everything of the sandbox is gone on return.
Result<Ended> supervise(const ProcessSpec& spec, Channels channels);

}  // namespace pgstrata::sandbox
