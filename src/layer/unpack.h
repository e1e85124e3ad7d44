// Layer → directory that overlay can use as a lowerdir. Made only when something has to mount the layer.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/result.h"
#include "filetree/entry.h"
#include "layer/early_files.h"
#include "oci/digest.h"

namespace pgstrata::layer {

struct UnpackOptions {
  /// In a user namespace: marks are user.overlay.*, and attributes trusted.* are left out (no process in
  /// the namespace could read them).
  bool rootless = false;
  /// Hash each file while it is written, and compare with its entry. Without it bytes go from file to file
  /// inside the kernel, unseen.
  bool verify = false;
  /// The name under which the directory is built, on the same file system; empty: beside the target.
  std::string temporary;
  /// Files that are there already, under a directory that takes the place of `temporary`; it is used up.
  /// kIo if there are more of them than entries: then unpack without them. Must be usable.
  EarlyFiles* early = nullptr;
};

/// Makes `target` from a change set (sorted, as write_layer() returned it) and the layer's tar: exact
/// modes, owners, times, attributes, hard links and devices; whiteouts as 0/0 character devices, opaque
/// directories with overlay's attribute.
///
/// Complete or absent: it is built under a temporary name and renamed. If `target` exists
/// (another process was faster), the work is discarded and that is success. Nothing is synced.
///
/// Errors: kCorrupt (path and both digests or sizes) when tar and entries disagree, or for an entry that
/// isn't below a directory of the same change set. kMachine for a device file in a user namespace: the
/// kernel makes no nodes but 0/0 there (since 5.8), so a base image with a filled /dev can only be unpacked
/// by root.
Result<void> unpack_layer(std::span<const filetree::Entry> changes, int blob, const std::string& target,
                          const UnpackOptions& options);

/// Reads a layer's tar once; kCorrupt with both digests if it isn't `diff_id`. `name` is for messages.
Result<void> verify_blob(int blob, const oci::Digest& diff_id, const std::string& name);

}  // namespace pgstrata::layer
