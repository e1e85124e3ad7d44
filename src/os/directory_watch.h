// What changes in directories, told by the kernel: inotify(7).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/result.h"
#include "os/fd.h"

namespace pgstrata::os {

class DirectoryWatch {
 public:
  /// kMachine where the kernel has no more instances for this user.
  static Result<DirectoryWatch> open();

  /// The names in this directory, from now on. One that isn't there or may not be read is passed over.
  /// kMachine, with the remedy, when the kernel watches no more directories for this user.
  Result<void> add(const std::string& directory);
  /// The directory and all below it, those that come later as well. Links aren't followed.
  Result<void> add_tree(const std::string& directory);

  /// Readable when something changed.
  [[nodiscard]] int fd() const { return inotify_.get(); }
  /// What changed since it was last asked, in the order of events, without waiting: paths as they were
  /// added. A file counts when its writer closes it. The empty path: so much that the kernel lost count.
  Result<std::vector<std::string>> take();

 private:
  struct Directory {
    std::string path;
    bool with_all_below;
  };

  explicit DirectoryWatch(Fd inotify) : inotify_(std::move(inotify)) {}
  Result<bool> watch(Directory directory);

  Fd inotify_;
  std::map<int, Directory> directories_;  ///< by watch descriptor
};

}  // namespace pgstrata::os
