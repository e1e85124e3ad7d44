// The files of a layer that is still arriving, written where they will be when it is unpacked: before the
// list of its entries is known.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "core/result.h"
#include "filetree/entry.h"
#include "os/fd.h"

namespace pgstrata::layer {

/// A directory with regular files, complete with owners, modes, attributes and times, and the directories
/// that they are in, which nobody else can enter. Everything else is made by unpack_layer(), which is given
/// this. Nothing else depends on it: a failure isn't told, but leaves is_usable() false and no files, and
/// the layer is unpacked in the ordinary way. For root of the machine, who may give files to anybody.
class EarlyFiles {
 public:
  /// `directory` is made with the first file, and removed with this unless it was moved away.
  explicit EarlyFiles(std::string directory) : directory_(std::move(directory)) {}
  EarlyFiles(const EarlyFiles&) = delete;
  EarlyFiles& operator=(const EarlyFiles&) = delete;
  ~EarlyFiles();

  /// A regular file of the archive, with all but its digest; `tar_offset` tells it from others. Marks
  /// (".wh.") are no files. One that had the name before goes.
  void begin(const filetree::Entry& entry);
  void write(std::span<const std::byte> bytes);
  /// After all of its bytes.
  void end();

  [[nodiscard]] bool is_usable() const { return usable_ && root_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const os::Fd& root() const { return root_; }
  /// The name of the file that lay there in the tar; it counts as used then.
  std::optional<std::string> take(std::uint64_t tar_offset);
  /// How many directories there are, the first one not counted, and how many files were not taken.
  [[nodiscard]] std::size_t directories() const { return made_.size(); }
  [[nodiscard]] std::size_t files_left() const { return by_offset_.size(); }

 private:
  Result<void> open_file(const filetree::Entry& entry);
  Result<void> close_file();
  Result<void> enter(const std::string& parent);
  Result<void> make(const std::string& path);
  void check(const Result<void>& done);

  const std::string directory_;
  bool usable_ = true;
  os::Fd root_;
  std::string parent_;
  os::Fd parent_fd_;
  os::Fd file_;
  filetree::Entry entry_;
  std::unordered_set<std::string> made_;
  std::unordered_map<std::string, std::uint64_t> by_path_;
  std::unordered_map<std::uint64_t, std::string> by_offset_;
};

}  // namespace pgstrata::layer
