// The process that keeps a container: one per container, as long as it runs.
//
// It is PID 1 of a PID namespace of its own, and the container's is nested in it. So when it ends, however
// (kill -9 included), the kernel kills the container, what `exec` put into it, and the port forwarder; and
// the mount namespace with the overlay, which nobody else is in, goes too. It executes nothing itself, has
// one thread, and is told what to do by signals:
//
//   kForward with a value   the container's first process gets the signal of that number
//   SIGWINCH                the size of the caller's terminal has changed
//   any other               is passed on to the container's first process
#pragma once

#include <csignal>
#include <vector>

#include "container/forwarder.h"
#include "container/record.h"
#include "container/runtime.h"

namespace pgstrata::container {

/// SIGRTMIN is no constant: the C library keeps the first few for itself.
[[nodiscard]] inline int forward_signal() { return SIGRTMIN + 1; }

struct MonitorPlan {
  std::string root;  ///< the store
  Container container;
  Runtime runtime;
  RuntimeCall call;
  std::vector<Listener> listeners;
  bool detached = false;
  bool interactive = false;  ///< with a stdin
  bool terminal = false;
};

/// What is sent through the report pipe, once: how the start went. The pipe's end without a report
/// means that the monitor was killed.
struct StartReport {
  int code = 0;         ///< 0: it runs; else the exit code that stands for the failure
  std::string message;  ///< why not
};
[[nodiscard]] std::string to_text(const StartReport& report);
[[nodiscard]] StartReport report_from_text(const std::string& text);

/// Runs the container in the calling process, which was just forked into a new PID namespace, with all
/// signals blocked. Its exit code is the container's. The bundle must be complete, the overlay mounted.
[[noreturn]] void run_monitor(MonitorPlan plan, int report);

}  // namespace pgstrata::container
