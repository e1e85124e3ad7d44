// A directory for what one build fetches: gone when the build is, however it ended.
#pragma once

#include <string>

#include "core/result.h"
#include "os/fd.h"

namespace pgstrata::remote {

class WorkDirectory {
 public:
  /// A new directory below `root`, locked. Removes those whose process is gone.
  static Result<WorkDirectory> make(const std::string& root);
  WorkDirectory(WorkDirectory&& other) noexcept;
  WorkDirectory& operator=(WorkDirectory&& other) noexcept;
  ~WorkDirectory();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  WorkDirectory(os::Fd lock, std::string path) : lock_(std::move(lock)), path_(std::move(path)) {}

  os::Fd lock_;  ///< of the directory itself
  std::string path_;
};

}  // namespace pgstrata::remote
