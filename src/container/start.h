// From an image and the options of `run` to a running container.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "container/monitor.h"
#include "container/options.h"
#include "core/result.h"
#include "filetree/file_tree.h"
#include "oci/image_config.h"
#include "snapshot/overlay.h"

namespace pgstrata::container {

/// What a container needs of an image.
struct ImageRoot {
  oci::Digest manifest;
  std::vector<oci::Digest> layers;  ///< DiffIDs, bottom first
  oci::ContainerConfig config;
  std::vector<std::string> lowerdirs;        ///< top first (store/layer_store.h)
  const filetree::FileTree* tree = nullptr;  ///< the same, merged; borrowed
};

/// The program that a container runs: the image's configuration under the options, as Docker merges them.
/// `hostname` is for the environment. kUsage if neither names a program, or the image lacks the user.
Result<Process> plan_process(const ImageRoot& image, const RunOptions& options,
                             const std::string& hostname);

/// A container ready to be started. Its root file system is mounted as long as this lives.
struct Prepared {
  MonitorPlan plan;
  snapshot::Mounted rootfs;
};
/// Makes the container's directory, volumes and bundle. enter_namespaces() (sandbox/user_namespace.h) must
/// have succeeded. On an error nothing is left behind but new volumes.
Result<Prepared> prepare(const std::string& root, const ImageRoot& image, const RunOptions& options);

struct Started {
  pid_t monitor = 0;
  bool terminal = false;
  StartReport report;
};
/// Starts the monitor and waits until the container runs or has failed to; that is a report, not an error.
/// The process must have one thread and may start no other children afterwards.
Result<Started> launch(Prepared prepared);

/// Waits for the end of a container that isn't detached: passes signals on, keeps the terminal raw
/// meanwhile. The container's exit code (128 + signal if one ended it).
int attend(const Started& started);

}  // namespace pgstrata::container
