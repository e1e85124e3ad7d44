// Overlay and bind mounts. The process must be in its own mount namespace (sandbox/user_namespace.h).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/result.h"

namespace pgstrata::snapshot {

/// A mount that is undone (lazily: MNT_DETACH) when the object goes. Move-only.
class Mounted {
 public:
  Mounted() = default;
  explicit Mounted(std::string target) : target_(std::move(target)) {}
  Mounted(Mounted&& other) noexcept : target_(std::exchange(other.target_, {})) {}
  Mounted& operator=(Mounted&& other) noexcept;
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;
  ~Mounted();

  /// Empty when nothing is mounted.
  [[nodiscard]] const std::string& target() const { return target_; }

 private:
  std::string target_;
};

struct OverlaySpec {
  std::vector<std::string> lowerdirs;  ///< top first; may be empty
  std::string upperdir;                ///< empty: a read-only view (then `workdir` is unused)
  std::string workdir;                 ///< empty directory on upperdir's file system
  std::string target;                  ///< an existing, empty directory
  bool userxattr = false;              ///< marks as user.overlay.*: in a user namespace
  bool is_volatile = true;  ///< no sync, ever; an upperdir so mounted can't be mounted volatile again
};

/// Mounts with redirect_dir=nofollow, metacopy=off, index=off, so that the upper directory says everything.
///
/// - A lowerdir named twice is mounted once, at its topmost place: overlay refuses it otherwise. Nothing
///   changes by that. Going down a path, whatever the lower copy has there the upper copy has too. If that
///   is a file, a whiteout or an opaque directory, nothing below the upper copy counts; if it is a plain
///   directory, it stops no look-up, and its names and attributes are already there from the upper copy.
/// - Paths are handed to the kernel as open descriptors, so their length and their characters (comma,
///   colon, backslash) don't matter, nor does the length of the chain: one fsconfig() per layer where the
///   kernel knows lowerdir+, else one page of descriptor numbers (500 layers, which is overlay's own
///   limit).
/// - Without an upper directory, or without layers, the empty `target` serves as the lowest layer.
/// kMachine if the machine can't.
Result<Mounted> mount_overlay(const OverlaySpec& spec);

/// The way for kernels without lowerdir+; mount_overlay() falls back to it. Exported for the tests.
Result<Mounted> mount_overlay_in_one_call(const OverlaySpec& spec);

/// Shows `source` (a directory or a file, with what is mounted in it) read-only at `target`, which exists
/// and is of the same kind.
Result<Mounted> bind_read_only(const std::string& source, const std::string& target);

}  // namespace pgstrata::snapshot
