// Tells whether other builds are at work in a store, so that what killed ones left behind can go.
#pragma once

#include <optional>
#include <string>

#include "core/result.h"
#include "os/fd.h"

namespace pgstrata::store {

/// Held by every build, together with all others. The kernel releases it, however the process ends.
class BuildLock {
 public:
  /// Waits while another build is clearing up.
  static Result<BuildLock> share(const std::string& root);

  /// Removes everything in ROOT/tmp if no other build runs; otherwise does nothing. A symbolic link in it
  /// stands for work that needed a place outside of the store, which is removed first. To be called before
  /// this build puts anything there, and, as a plain user, inside the user namespace: what is left may
  /// belong to any of its ids. What can't be removed is in nobody's way: of that the first is returned.
  Result<std::optional<Error>> clear_abandoned(const std::string& root);

  /// Nobody else uses the store from here until the lock goes. With `wait` as soon as nobody does; without
  /// it false, if somebody does now.
  Result<bool> take_alone(bool wait);
  /// Lets others in again.
  Result<void> share_again();

 private:
  explicit BuildLock(os::Fd fd) : fd_(std::move(fd)) {}
  os::Fd fd_;
};

}  // namespace pgstrata::store
