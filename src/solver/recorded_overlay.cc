#include "solver/recorded_overlay.h"

#include "os/file.h"

namespace pgstrata::solver {

Result<RecordedOverlay> RecordedOverlay::mount(const RecordedOverlaySpec& spec) {
  RecordedOverlay made;
  for (const char* part : {"/below", "/recorded", "/work", "/merged"})
    TRY_VOID(os::make_directories(spec.directory + part, 0711));
  std::vector<std::string> lowerdirs = spec.lowerdirs;
  if (spec.record) {
    // Of one directory the merged view is itself. That also keeps the stack of overlays at one below the
    // step's, where the kernel allows two and the store may lie on another.
    std::string source = lowerdirs.size() == 1 ? lowerdirs.front() : spec.directory + "/below";
    if (lowerdirs.size() != 1)
      made.below_ = TRY(snapshot::mount_overlay(
          {.lowerdirs = std::move(lowerdirs), .target = source, .userxattr = spec.rootless}));
    made.recorder_.emplace(TRY(trace::RecordingLower::mount({.source = std::move(source),
                                                             .target = spec.directory + "/recorded",
                                                             .acls = spec.acls,
                                                             .shown_mtime = spec.shown_mtime})));
    lowerdirs = {spec.directory + "/recorded"};
  }
  const bool writable = os::exists(spec.directory + "/upper");
  made.overlay_ = TRY(snapshot::mount_overlay({.lowerdirs = std::move(lowerdirs),
                                               .upperdir = writable ? spec.directory + "/upper" : "",
                                               .workdir = spec.directory + "/work",
                                               .target = spec.directory + "/merged",
                                               .userxattr = spec.rootless}));
  return made;
}

Result<std::optional<filetree::Observations>> RecordedOverlay::finish() {
  overlay_.reset();
  if (!recorder_) return std::nullopt;
  auto observations = TRY(std::move(*recorder_).finish());
  recorder_.reset();
  below_.reset();
  return observations;
}

}  // namespace pgstrata::solver
