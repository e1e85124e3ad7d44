// A file that a person asked for: complete or absent.
#pragma once

#include <unistd.h>

#include <string>

#include "core/result.h"
#include "layer/tar_stream.h"
#include "os/fd.h"

namespace pgstrata::exporter {

/// Written under a temporary name beside its path; commit() makes it durable and renames it, and until
/// then what was there before stays. Without commit() the temporary file is removed. Links are followed
/// to the file they lead to. What isn't a regular file (/dev/null, a FIFO) is written directly. Move-only.
class OutputFile {
 public:
  /// kUsage if `path` is a directory or its directory isn't there.
  static Result<OutputFile> create(const std::string& path);
  /// Standard output; kUsage if that is a terminal.
  static Result<OutputFile> standard_output();

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  /// Appends to it; not to be used after the file has gone.
  [[nodiscard]] layer::ByteSink sink() const;
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Where the bytes are before commit().
  [[nodiscard]] std::string path_to_read() const {
    if (unnamed_)  // another process opens it, too
      return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd_.get());
    return temporary_.empty() ? path_ : temporary_;
  }
  Result<void> commit();

 private:
  OutputFile(os::Fd fd, std::string path, std::string temporary, bool unnamed = false)
      : fd_(std::move(fd)), path_(std::move(path)), temporary_(std::move(temporary)), unnamed_(unnamed) {}

  os::Fd fd_;
  std::string path_;       ///< for messages, and the name in the end
  std::string temporary_;  ///< empty: written directly, or committed
  bool unnamed_ = false;   ///< the temporary name is given only by commit(): killed before, nothing is left
};

/// fsync of a directory, so that a rename in it stays.
Result<void> sync_directory(const std::string& path);
/// "" and "a" → ".", "a/b" → "a", "/a" → "/"
[[nodiscard]] std::string directory_of(const std::string& path);

}  // namespace pgstrata::exporter
