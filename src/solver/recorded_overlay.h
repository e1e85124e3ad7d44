// Layers as a RUN sees them, with the recorder between them and it: a read-only overlay of the layers, the
// recording lower on it, and above that the overlay that the step works in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "filetree/observation.h"
#include "snapshot/overlay.h"
#include "solver/shown_times.h"
#include "trace/recording_lower.h"

namespace pgstrata::solver {

struct RecordedOverlaySpec {
  std::vector<std::string> lowerdirs;  ///< top first; one that is a mount itself must be the only one
  std::string
      directory;  ///< exists; "upper", if it is there, is what the step writes to, else nothing is written
  bool rootless = false;
  bool record = true;
  bool acls = false;  ///< some file of the layers may have a POSIX ACL
  ShownTimes shown_mtime;
};

class RecordedOverlay {
 public:
  /// Makes what it needs below `directory`; the step's root is directory/merged.
  static Result<RecordedOverlay> mount(const RecordedOverlaySpec& spec);
  [[nodiscard]] const std::string& target() const { return overlay_->target(); }
  /// Unmounts, and gives what was asked; nothing if it wasn't recorded. The error of a recording that broke
  /// off: what the step did can't be trusted then either, as its reads failed.
  Result<std::optional<filetree::Observations>> finish();

 private:
  std::optional<snapshot::Mounted> below_;
  std::optional<trace::RecordingLower> recorder_;
  std::optional<snapshot::Mounted> overlay_;
};

}  // namespace pgstrata::solver
